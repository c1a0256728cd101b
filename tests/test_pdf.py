import subprocess

import pytest

from helpers.report import pdf


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "paper.html"
    path.write_text("<p>paper</p>")
    return path


def fake_browser(folder, monkeypatch, script):
    """A browser that is a shell script, in which $file is where the PDF shall be."""
    path = folder / "chromium"
    read = 'for word in "$@"; do case "$word" in --print-to-pdf=*) file="${word#*=}";; esac; done'
    path.write_text(f"#!/bin/sh\n{read}\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    assert pdf.find_browser() == str(path)


def test_print_pdf_without_a_browser_says_how_to_get_one(page, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pdf.find_browser() is None
    note = pdf.print_pdf(page, tmp_path / "paper.pdf")
    assert note.startswith("No paper.pdf: no Chromium was found") and "apt-get install chromium" in note
    assert "make paper" in note and "\n" not in note


def test_print_pdf_writes_what_the_browser_printed_from_the_page_cut_off_from_the_network(page, monkeypatch, tmp_path):
    shown = f'eval last=\\${{$#}}; cp "${{last#file://}}" {tmp_path}/shown.html'
    fake_browser(tmp_path, monkeypatch, f'echo "%PDF $*" > "$file"; echo "$*" > {tmp_path}/words; {shown}')
    assert pdf.print_pdf(page, tmp_path / "out" / "paper.pdf") == ""
    assert (tmp_path / "out" / "paper.pdf").read_bytes().startswith(b"%PDF")
    words = (tmp_path / "words").read_text()
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in words and "--user-data-dir=" in words
    assert (tmp_path / "shown.html").read_text() == page.read_text()


def test_print_pdf_leaves_out_where_files_beside_the_page_lie(page, monkeypatch, tmp_path):
    """Other links stay: those within the page, and those to the network."""
    page.write_text('<a class="x" href="blog.html#a">b</a><a href="#c">c</a><a href="https://doi.org/1">d</a>')
    fake_browser(tmp_path, monkeypatch, 'eval last=\\${$#}; (echo %PDF; cat "${last#file://}") > "$file"')
    assert pdf.print_pdf(page, tmp_path / "paper.pdf") == ""
    printed = (tmp_path / "paper.pdf").read_text()
    assert '<a class="x">b</a><a href="#c">c</a><a href="https://doi.org/1">d</a>' in printed


@pytest.mark.parametrize("script", ["echo went wrong >&2; exit 3", "echo nothing >&2", 'echo "no PDF" > "$file"'])
def test_print_pdf_that_fails_says_so_and_leaves_the_last_one(page, monkeypatch, tmp_path, script):
    fake_browser(tmp_path, monkeypatch, script)
    (tmp_path / "paper.pdf").write_text("the last one")
    assert "ended with" in pdf.print_pdf(page, tmp_path / "paper.pdf")
    assert (tmp_path / "paper.pdf").read_text() == "the last one"


def test_print_pdf_that_hangs_is_ended(page, monkeypatch, tmp_path):
    fake_browser(tmp_path, monkeypatch, "exec sleep 30")
    monkeypatch.setattr(pdf, "SECONDS", 0.3)
    assert "took more than 0.3 seconds" in pdf.print_pdf(page, tmp_path / "paper.pdf")


@pytest.mark.parametrize("root", [True, False])
def test_print_pdf_gives_up_the_sandbox_only_as_root(page, monkeypatch, tmp_path, root):
    asked = []

    def run(command, **_):
        asked.extend(command)
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(pdf, "find_browser", lambda: "chromium")
    monkeypatch.setattr(pdf.subprocess, "run", run)
    monkeypatch.setattr(pdf.os, "geteuid", lambda: 0 if root else 1000, raising=False)
    pdf.print_pdf(page, tmp_path / "paper.pdf")
    assert ("--no-sandbox" in asked) == root
