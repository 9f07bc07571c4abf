"""Static files: names by content, nothing but the folder, modules found by their imports."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from panops.web.assets import KEEP_FOR_EVER, Assets


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "page.js").write_text('import { a } from "./a.js";\nimport {\n  b,\n  c,\n} from "./b.js";\nimport "./side.js";\n')
    (tmp_path / "js" / "a.js").write_text('import { b } from "./b.js";\nconst text = `import { x } from "./no.js"`;\n')
    (tmp_path / "js" / "b.js").write_text('const later = () => import("./lazy.js");\n')
    (tmp_path / "js" / "side.js").write_text('export { a } from "./a.js";\n')
    (tmp_path / "style.css").write_text("a { color: red; }\n" * 50)
    return tmp_path


def test_the_address_changes_with_the_content_of_any_file(folder: Path) -> None:
    before = Assets(folder)
    assert Assets(folder).url("style.css") == before.url("style.css")
    (folder / "js" / "b.js").write_text("")
    assert Assets(folder).url("style.css") != before.url("style.css"), "modules import each other by relative names"


def test_files_of_this_version_are_kept_for_ever_and_others_are_asked_for_again(folder: Path) -> None:
    assets = Assets(folder)
    kept, asked = assets.get("style.css", assets.version), assets.get("style.css", "older")
    assert kept is not None
    assert asked is not None
    assert (kept.cache_control, asked.cache_control) == (KEEP_FOR_EVER, "no-cache")
    assert kept.content == asked.content
    assert gzip.decompress(kept.compressed) == kept.content
    assert kept.media_type == "text/css; charset=utf-8"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "js", "", "js/../style.css", "style.css/", "js\\page.js"])
def test_only_names_that_were_there_are_found(name: str, folder: Path) -> None:
    (folder.parent / "secret").write_text("secret")
    assets = Assets(folder)
    assert assets.get(name, assets.version) is None


def test_modules_are_all_that_a_script_imports_at_once(folder: Path) -> None:
    assert Assets(folder).modules("page.js") == ["page.js", "a.js", "b.js", "side.js"]


def test_a_missing_module_or_an_unknown_ending_is_told_at_once(folder: Path) -> None:
    (folder / "js" / "a.js").write_text('import { b } from "./gone.js";\n')
    with pytest.raises(KeyError, match="gone"):
        Assets(folder).modules("page.js")
    (folder / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"notes\.txt"):
        Assets(folder)


def test_scripts_are_served_without_their_comments(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_bytes(
        b'// Why.\n/** What\n * it is. */\nconst url = "http://a/b"; // stays\n  /* inside */\n  go(`/* no comment */`);\n// the end'
    )
    (tmp_path / "a.css").write_bytes(b"/* stays */\nbody { margin: 0 }")
    assets = Assets(tmp_path)
    script, style = assets.get("a.js", assets.version), assets.get("a.css", assets.version)
    assert script is not None
    assert script.content == b'const url = "http://a/b"; // stays\n  go(`/* no comment */`);\n'
    assert style is not None
    assert style.content.startswith(b"/* stays */")
