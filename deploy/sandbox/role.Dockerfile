# One sandbox image: our code for one role on the heavy layer. Byte code is made here, the root file system is read-only.
# The context holds `code/`, assembled by sandbox_runner/host/images.py from the working tree.
ARG BASE
FROM ${BASE}
COPY code/ /opt/algoperf/
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/algoperf
ARG UID
USER ${UID}:${UID}
