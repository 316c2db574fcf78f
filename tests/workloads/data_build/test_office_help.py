"""Pages of a help system in two languages, in Debian packages made here."""

from __future__ import annotations

import itertools
import subprocess

import numpy as np
import pytest

from workloads.data_build import office_help
from workloads.data_prepare.pieces import tokeniser

THINGS = {"die Zelle": "the cell", "das Blatt": "the sheet", "den Text": "the text", "das Bild": "the picture"}
DEEDS = {"Öffnen Sie": "Open", "Wählen Sie": "Select", "Sehen Sie": "See", "Löschen Sie": "Delete"}


def sentences():
    for (deed, english_deed), (thing, english_thing) in itertools.product(DEEDS.items(), THINGS.items()):
        yield f"{deed} {thing}.", f"{english_deed} {english_thing}."


def page(texts, *, first=0):
    paragraphs = (
        f'<p id="par_id{number}" class="paragraph" dir="auto">{text}</p>'
        for number, text in enumerate(texts, start=first)
    )
    return f"<html><body><h1>No id</h1>{''.join(paragraphs)}</body></html>"


def package(folder, language, pages):
    """A Debian package with the pages of one language, name -> HTML."""
    text = folder / "tree" / "usr" / "share" / "libreoffice" / "help" / language / "text"
    for name, content in pages.items():
        (text / name).parent.mkdir(parents=True, exist_ok=True)
        (text / name).write_text(content)
    (folder / "tree" / "DEBIAN").mkdir()
    (folder / "tree" / "DEBIAN" / "control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n"
    )
    made = folder / "x.deb"
    subprocess.run(["dpkg-deb", "--build", str(folder / "tree"), str(made)], check=True, capture_output=True)
    return made


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Sixty pages of two sentences each: every sentence is on several of them."""
    monkeypatch.setattr(office_help, "PIECES", 38)
    monkeypatch.setattr(office_help, "KNOWN", 1)
    every = list(sentences())
    german, english = {}, {}
    for number in range(60):
        chosen = [every[number % 16], every[(7 * number + 3) % 16]]
        german[f"page{number}.html"] = page(f"<b>{pair[0]}</b>" for pair in chosen)
        english[f"page{number}.html"] = page(pair[1] for pair in chosen)
    made = []
    for language, pages in (("de", german), ("en-US", english)):
        (tmp_path / language).mkdir()
        made.append(package(tmp_path / language, language, pages))
    return made


def texts(tree, split):
    cut = tokeniser(tree["vocabulary"]["sentencepiece.model"])
    sides = []
    for side in ("inputs", "targets"):
        ends = np.cumsum(tree[split][f"{side}_length"], dtype=np.int64)
        sides.append([cut.decode(part.tolist()) for part in np.split(tree[split][side], ends[:-1]) if len(part)])
    return list(zip(*sides, strict=True))


def test_pairs_come_out_of_two_debian_packages(packages):
    tree = office_help.build(*packages)

    found = [pair for split in ("train", "validation", "test") for pair in texts(tree, split)]
    assert set(found) <= set(sentences())
    assert len(found) == len(set(found))
    assert set(texts(tree, "eval_train")) <= set(texts(tree, "train"))


def test_building_twice_gives_the_same_bytes(packages):
    first, second = (office_help.build(*packages) for _ in range(2))

    assert first["vocabulary"] == second["vocabulary"]
    for split in ("train", "eval_train", "validation", "test"):
        for stem, array in first[split].items():
            np.testing.assert_array_equal(array, second[split][stem])


def test_paragraphs_of_several_sentences_are_cut_where_both_languages_agree():
    german = {
        "a": "Öffnen Sie die Zelle. Löschen Sie den Text.",
        "b": "Ein Satz hier. Noch ein Satz.",
        "c": "Nur hier da.",
    }
    english = {"a": "Open the cell. Delete the text.", "b": "One sentence, and that is all."}

    found = list(office_help._sentences(german, english))

    assert found == [("Öffnen Sie die Zelle.", "Open the cell."), ("Löschen Sie den Text.", "Delete the text.")]


@pytest.mark.parametrize(
    ("german", "english"),
    [
        ("Wort", "Word"),
        ("LibreOffice Writer", "LibreOffice Writer"),
        ("Geben Sie {x} ein.", "Enter {x} here."),
        (" ".join(["lang"] * 13), " ".join(["long"] * 12)),
    ],
    ids=["too short", "not translated", "code", "too long"],
)
def test_what_is_no_short_plain_sentence_is_left_out(german, english):
    assert not list(office_help._sentences({"a": german}, {"a": english}))


def test_a_sentence_of_training_is_in_no_other_split_in_either_language(monkeypatch):
    monkeypatch.setattr(office_help, "KNOWN", 1)
    monkeypatch.setattr(office_help, "_split_of", lambda page: page)
    german = {
        "train": {"a": "Das Haus steht."},
        "validation": {"a": "Das Haus steht.", "b": "Steht das Haus."},
        "test": {},
    }
    english = {
        "train": {"a": "The house stands."},
        "validation": {"a": "The house is there.", "b": "Stands the house."},
    }

    found = office_help._splits(german, {**english, "test": {}})

    assert found["validation"] == []  # of the second one training knows no word as it is written
    assert found["train"] == [("Das Haus steht.", "The house stands.")]


def test_markup_and_entities_are_no_part_of_a_text():
    heading = '<h2 id="hd_1" dir="auto"><a href="x.html">Fonts\n &amp; Sizes</a></h2>'

    found = office_help._paragraphs(f'{heading}<p id="a">A <b>bold</b> word</p><p>No id</p>')

    assert found == {"hd_1": "Fonts & Sizes", "a": "A bold word"}
