# The heavy layer under both sandbox images: Python, the frameworks and their libraries, two users. None of our code.
# The context holds `uv`, `requirements.lock` and `wheels/`, downloaded on the host, so the build needs no network.
# BASE needs Python 3.11 and, for torch.compile, g++ and Python's headers.
ARG BASE=python:3.11-bookworm
FROM ${BASE}
ARG TORCH
RUN --mount=type=bind,target=/context \
    python3 -m venv --without-pip /opt/venv && \
    install="/context/uv pip install --quiet --no-cache --compile-bytecode --python /opt/venv/bin/python3 --no-index --find-links /context/wheels" && \
    $install --require-hashes -r /context/requirements.lock && \
    $install "${TORCH}" && \
    packages="$(/opt/venv/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" && \
    rm -rf "$packages"/torch/test "$packages"/torch/bin/*test* && \
    echo /opt/algoperf > "$packages/algoperf.pth" && \
    useradd --uid 10001 --no-create-home --home-dir /scratch --shell /usr/sbin/nologin trainer && \
    useradd --uid 10002 --no-create-home --home-dir /scratch --shell /usr/sbin/nologin judge && \
    mkdir -p /scratch /data /ctl /opt/task /opt/algoperf
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=/scratch \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /scratch
