-- An instant as the wire shows it: RFC 3339, UTC, milliseconds. Neither definer nor SET, so that it is inlined.
create or replace function api.get_utc_text(p_at timestamptz)
returns text
language sql
stable
parallel safe
return to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
comment on function api.get_utc_text(timestamptz) is 'An instant as 2026-12-01T19:00:00.000Z; null stays null';
