#!/usr/bin/env python3
"""Checks prose: doc comments begin with a verb or a noun, and words that a reader has to decode are out.

Read are doc comments and comments of Rust and JavaScript, string literals of what ships, and Markdown. `lint.py [PATH ...]` checks only
files below those paths. exceptions.txt has one exception a line: a path's beginning, a word of the finding, and the reason."""

import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
BEGINNINGS = re.compile(r"(What|Whether|How many|How much|Of)\b")
WORDS = re.compile(
    r"\b(told|tells?(?! (you|users|readers|the reader))|telling apart|anew|steads?|dear|dearer|dearest|held against|whoever|nobody|somebody"
    r"|so many|so much|as ever|on end|by the way of|put by|lets? go of|letting go of|what is usual|the usual"
    r"|leaves?(?! (out|open|alone|room|behind|unchanged|a gap|it to|the file|no|nothing|off)))\b",
    re.IGNORECASE,
)
COMMENT = re.compile(r"(?:^|[\s;{}])(//[/!]?|\*(?!/)|/\*\*?) ?(.*)")
STRING = re.compile(r'"((?:[^"\\]|\\.){12,})"')


def prose(path, text):
    """Yields (number, begins a comment, text) for every line of prose."""
    markdown, fenced, was_doc = path.suffix == ".md", False, False
    in_tests = False
    for number, line in enumerate(text.splitlines(), 1):
        if markdown:
            fenced ^= line.lstrip().startswith("```")
            if not fenced:
                yield number, False, re.sub(r"`[^`]*`", "", line)
            continue
        in_tests |= "#[cfg(test)]" in line
        found = COMMENT.search(line)
        is_doc = bool(found) and found[1] in ("///", "//!", "/**")
        if found:
            body = re.sub(r"`[^`]*`", "`", found[2])
            yield number, is_doc and not was_doc, body
            was_doc = is_doc and bool(found[2].strip())
        else:
            was_doc = False
            ships = str(path).startswith(("src/", "filters/")) and not in_tests and "test" not in path.name
            for string in STRING.findall(line) if ships and path.suffix == ".rs" else ():
                yield number, False, string


def main():
    exceptions = [line.split("\t") for line in (HERE / "exceptions.txt").read_text().splitlines() if line and line[0] != "#"]
    used, findings = set(), []
    listed = subprocess.check_output(["git", "ls-files", "-z", "*.rs", "*.js", "*.mjs", "*.ts", "*.md"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if "/fixtures/" in name or not path.exists() or not any(name.startswith(start) for start in sys.argv[1:] or [""]):
            continue
        for number, begins, text in prose(pathlib.Path(name), path.read_text()):
            found = [BEGINNINGS.match(text)] if begins else []
            for match in filter(None, found + list(WORDS.finditer(text))):
                exception = next((e for e in exceptions if name.startswith(e[0]) and e[1].lower() in text.lower()), None)
                used.add(tuple(exception or ()))
                if not exception:
                    findings.append(f"{name}:{number}: `{match[0]}`: {text.strip()}")
    for exception in [] if sys.argv[1:] else exceptions:
        if tuple(exception) not in used:
            findings.append(f"exceptions.txt: nothing needs the exception of `{exception[1]}` in {exception[0]}")
    print("\n".join(findings))
    return bool(findings)


sys.exit(main())
