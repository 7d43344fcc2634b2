-- A file of a snapshot is applied by several calls side by side, each with a share of its records.

alter table onsale.sync_parts add column lane_lines bigint[] not null default '{0}';
update onsale.sync_parts set lane_lines = array[case when applied_at is null then applied_line end];
comment on column onsale.sync_parts.lane_lines is
  'By lane: those of its records up to this line were applied, with what belongs to them; null: all of them';
comment on column onsale.sync_parts.applied_line is 'The farthest line of any lane';
