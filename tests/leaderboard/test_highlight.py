"""Code as lines: numbered, coloured, escaped."""

from leaderboard import highlight


def html_of(path: str, text: str) -> list[str]:
    return [line.html for line in highlight.shown_lines(path, text.encode())]


def test_python_is_coloured_by_classes_of_the_design():
    assert html_of("a.py", "def step(x):\n    return 1  # go\n") == [
        '<span class="k">def</span> <span class="fn">step</span>(x):',
        '    <span class="k">return</span> <span class="nu">1</span>  <span class="cm"># go</span>',
    ]


def test_a_string_over_several_lines_is_closed_and_opened_at_each():
    rows = html_of("a.py", '"""One\ntwo."""\n')

    assert rows == ['<span class="st">&quot;&quot;&quot;One</span>', '<span class="st">two.&quot;&quot;&quot;</span>']


def test_everything_of_a_stranger_is_escaped():
    for path in ("a.py", "a.json", "a.yml", "a.txt"):
        joined = "".join(html_of(path, '"</span><script>alert(1)</script>" <b>x</b>\n'))
        assert "<script>" not in joined
        assert "<b>" not in joined


def test_line_numbers_stay_those_of_the_file():
    lines = highlight.shown_lines("a.py", b"\n\nx = 1\n\ny = 2", {3: ["a note"]})

    assert [line.number for line in lines] == [1, 2, 3, 4, 5]
    assert [line.notes for line in lines] == [(), (), ("a note",), (), ()]


def test_a_file_that_would_be_slow_to_colour_is_shown_plain():
    assert html_of("a.py", "x = '" + "a" * 5_000 + "'") == ["x = &#x27;" + "a" * 5_000 + "&#x27;"]


def test_what_is_no_text_or_too_long_says_so():
    assert "not text" in highlight.shown_lines("a.py", b"\xff\xfe")[0].html
    assert "too long" in highlight.shown_lines("a.py", b"x" * 1_000_001)[0].html
