"""One file a command. `panops.cli` collects them; errors of `panops.domain.errors` become one sentence and an exit code there."""
