"""The page: shells, hand-written modules and style sheets, no data.

`pages` holds the routes (`router`, `mount`), `assets` the static files under a name that changes with their content. What people
see is in `templates/` (one shell a kind of page) and `static/js/` (one module a thing: read `shell.js`, `live.js`, `wall.js`
first). Every fact on a page comes from `/api/v1` and `/ws`, which decide who may see it.
"""
