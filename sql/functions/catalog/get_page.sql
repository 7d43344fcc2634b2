-- The page around chosen events: their cards in the given order, the numbers, and the cursor to go on from. p_ids holds
-- one id more than p_limit where there is a next page. The cursor is [sort, key, id] of the last row as base64url;
-- p_scores gives the key where the rows are sorted by relevance. Part of list_events and search_events.
create or replace function api.get_page(
  p_sort text,
  p_ids bigint[],
  p_scores text[],
  p_limit integer,
  p_offset integer,
  p_count bigint
)
returns table (body json, event_ids bigint[], revisions bigint[])
language plpgsql
stable
rows 1
-- Whoever calls may have asked for plans of its own; this one is the same for any ids.
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_ids constant bigint[] := p_ids[1:p_limit];
  v_cursor text;
begin
  if cardinality(p_ids) > p_limit then
    select rtrim(translate(encode(convert_to(json_build_array(
      p_sort,
      case p_sort
        when 'relevance' then p_scores[p_limit] || ' ' || d.at_us
        when 'title' then e.title_key
        when 'starts_at' then d.at_us
        when '-starts_at' then d.at_us
      end,
      e.id
    )::text, 'UTF8'), 'base64'), E'+/\n', '-_'), '=')
    into strict v_cursor
    from onsale.events e
    cross join lateral (
      select case when e.sort_starts_at = 'infinity' then 'infinity'
        else (extract(epoch from e.sort_starts_at) * 1000000)::bigint::text end as at_us
    ) d
    where e.id = p_ids[p_limit];
  end if;

  return query
    select
      (
        select row_to_json(b)
        from (
          select
            coalesce(n.cards, '[]') as events,
            case when p_offset is not null then p_offset / p_limit + 1 end as page,
            p_limit as "limit",
            case when p_offset is not null then least(p_count, 10000) end as total,
            case when p_offset is not null then case when p_count > 10000 then 'gte' else 'eq' end end as total_relation,
            case when p_offset is not null then (least(p_count, 10000) + p_limit - 1) / p_limit end as pages,
            v_cursor as next_cursor
        ) b
      ),
      coalesce(n.event_ids, '{}'),
      coalesce(n.revisions, '{}')
    from (
      select
        json_agg(row_to_json(c) order by u.ordinal) as cards,
        array_agg(c.id order by u.ordinal) as event_ids,
        array_agg(c.revision order by u.ordinal) as revisions
      from api.list_event_cards(v_ids) c
      join unnest(v_ids) with ordinality as u (event_id, ordinal) on u.event_id = c.id
    ) n;
end;
$$;
comment on function api.get_page(text, bigint[], text[], integer, integer, bigint) is
  'The JSON of a list around the events of a page, with their ids and revisions';
