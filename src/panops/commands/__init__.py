"""One file a command, `group_name.py` for `panops group name`. `panops.cli` has a row for each and imports none of them.

`lazy_command` imports a command when it runs; `options` are those that many share. Errors of `panops.domain.errors` become one sentence
and an exit code in `panops.cli`. A command imports what it needs at the top of its file, as any module does: only its caller waits.
"""
