"""Events, evidence, desired state and accounts, kept so that nothing that was acknowledged is ever lost.

Read the files in this order:

1. `home` (where things lie), `errors` (what can go wrong, in sentences), `database` (opening, checking, transactions), `file_check`
   (damage in an SQLite file), `schema` (which schema a database has, and bringing it up to date with `migrations/`), `tables`
2. `scope` (who may see what; every read of cameras, events and media takes one)
3. `records` (stored events as values), `search` (filters, pages, cursors), `events` (the repository)
4. `writer` and `journal` (the thread between a shard and the database, and its safety net)
5. `evidence`, `trail`, `retention` (files that prove an event, boxes over time, and when they go)
6. `compliance`, `compliance_rates`, `compliance_writer` (what people wore who have left, and rates of it by hours, days and shifts)
7. `site` (cameras and rules as desired state), `switches` (what of a camera is switched off beside it), `accounts`, `credentials`, `audit`,
   `leases`
"""
