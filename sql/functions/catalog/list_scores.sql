-- How well events match a search: ts_rank of its words, and 10 more where they stand as they were typed (p_exact).
-- Part of search_events. A function of its own, because its settings must not reach what else a search does: the rows,
-- scattered over a large table, are asked for together, in the order of their pages, and read ahead as far as
-- effective_io_concurrency says. A hundred of a million that are not in memory: 13 ms one after the other, so 6 to 8.
create or replace function api.list_scores(p_event_ids bigint[], p_query tsquery, p_exact tsquery)
returns table (event_id bigint, score real)
language plpgsql
stable
parallel safe
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_indexscan = off
set jit = off
as $$
begin
  return query
    select e.id, (ts_rank(e.search, p_query) + case when e.search @@ p_exact then 10 else 0 end)::real
    from onsale.events e
    where e.id = any (p_event_ids);
end;
$$;
comment on function api.list_scores(bigint[], tsquery, tsquery) is 'How well events match the words of a search';
