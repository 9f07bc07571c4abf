"""The HTTP API and the live socket: what pages, scripts and other systems may ask of a site, and who may ask it.

Read the files in this order:

1. `settings`, `app` (how it is put together), `serve` (how it runs), `connections` (what one client may hold)
2. `request_frame` (headers, host check, limits), `security` (callers, roles, origins), `resolver`, `login_limit`, `problems` (errors),
   `clean_body` (what no body may hold)
3. `services` (what routes work with), `site_view` (stored cameras joined with their state), `notices`, `schemas` (answers),
   `versions` (ETags)
4. one file a resource: `health` with `readiness`, `metrics` with `http_counts`, `setup`, `session`, `users`, `site`, `cameras` with
   `sources`, `rules`, `events`, `media`, `models`
5. `live_socket` and `preview_batch`: pictures, events and states as they happen
"""
