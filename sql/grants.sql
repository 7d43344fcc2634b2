-- What the service's role may execute: nothing else is granted. The pieces of apply_deliveries are called by it alone.
grant usage on schema api to onsale_service;

-- intake
grant execute on function api.apply_deliveries to onsale_service;
grant execute on function api.fail_deliveries to onsale_service;
grant execute on function api.claim_failed_deliveries to onsale_service;
grant execute on function api.list_failed_deliveries to onsale_service;
grant execute on function api.get_stored_delivery to onsale_service;
grant execute on function api.cancel_failed_delivery to onsale_service;
grant execute on function api.reap_deliveries to onsale_service;
grant execute on function api.verify to onsale_service;
grant execute on function api.claim_verification to onsale_service;
grant execute on function api.complete_verification to onsale_service;
grant execute on function api.update_stock to onsale_service;
grant execute on function api.update_settings to onsale_service;
grant execute on function api.get_intake_state to onsale_service;
grant execute on function api.list_stock to onsale_service;

-- catalog
grant execute on function api.get_event to onsale_service;
grant execute on function api.list_event_tickets to onsale_service;
grant execute on function api.get_availability to onsale_service;
grant execute on function api.list_events to onsale_service;
grant execute on function api.search_events to onsale_service;
grant execute on function api.apply_search_changes to onsale_service;
grant execute on function api.get_clock to onsale_service;

-- accounts
grant execute on function api.apply_signup to onsale_service;
grant execute on function api.get_login to onsale_service;
grant execute on function api.list_users to onsale_service;
grant execute on function api.update_password to onsale_service;
grant execute on function api.update_token_generation to onsale_service;
grant execute on function api.apply_api_key to onsale_service;
grant execute on function api.get_api_key to onsale_service;
grant execute on function api.list_api_keys to onsale_service;
grant execute on function api.cancel_api_key to onsale_service;

-- sales
grant execute on function api.list_order_tickets to onsale_service;
grant execute on function api.place_orders to onsale_service;
grant execute on function api.update_order_statuses to onsale_service;
grant execute on function api.get_order to onsale_service;
grant execute on function api.list_order_events to onsale_service;
grant execute on function api.get_order_tickets to onsale_service;
grant execute on function api.list_orders to onsale_service;
grant execute on function api.list_bookings to onsale_service;
grant execute on function api.expire_orders to onsale_service;
grant execute on function api.list_expired_sales to onsale_service;
grant execute on function api.apply_checkins to onsale_service;

-- payments
grant execute on function api.place_payments to onsale_service;
grant execute on function api.update_payments to onsale_service;
grant execute on function api.apply_payment_deliveries to onsale_service;
grant execute on function api.list_payment_events to onsale_service;
grant execute on function api.get_refund to onsale_service;
grant execute on function api.apply_refund to onsale_service;
grant execute on function api.get_oldest_refund_due to onsale_service;

-- jobs
grant execute on function api.claim_jobs to onsale_service;
grant execute on function api.complete_job to onsale_service;
grant execute on function api.fail_job to onsale_service;
grant execute on function api.expire_jobs to onsale_service;
grant execute on function api.update_job_leases to onsale_service;
grant execute on function api.get_job to onsale_service;
grant execute on function api.list_jobs to onsale_service;
grant execute on function api.update_job_due to onsale_service;
grant execute on function api.cancel_job to onsale_service;
grant execute on function api.list_job_states to onsale_service;
grant execute on function api.place_dead_job to onsale_service;
grant execute on function api.apply_job_confirmations to onsale_service;
grant execute on function api.update_capacity_seen to onsale_service;
grant execute on function api.update_capacity_delta to onsale_service;

-- shopify
grant execute on function api.list_sync_runs to onsale_service;
grant execute on function api.place_wanted_sync to onsale_service;
grant execute on function api.claim_wanted_sync to onsale_service;
grant execute on function api.update_wanted_sync_lease to onsale_service;
grant execute on function api.update_wanted_sync_due to onsale_service;
grant execute on function api.complete_wanted_sync to onsale_service;
grant execute on function api.fail_wanted_sync to onsale_service;

-- admin
grant execute on function api.apply_direct_event to onsale_service;
grant execute on function api.update_direct_event to onsale_service;
grant execute on function api.update_direct_event_status to onsale_service;
grant execute on function api.cancel_direct_event to onsale_service;
grant execute on function api.apply_direct_ticket to onsale_service;
grant execute on function api.update_direct_ticket to onsale_service;
grant execute on function api.cancel_direct_ticket to onsale_service;
grant execute on function api.update_direct_capacity to onsale_service;
grant execute on function api.place_shopify_event to onsale_service;
grant execute on function api.place_shopify_write to onsale_service;
grant execute on function api.get_event_stats to onsale_service;
grant execute on function api.list_event_orders to onsale_service;
grant execute on function api.get_direct_event to onsale_service;
grant execute on function api.list_events_of_status to onsale_service;
grant execute on function api.place_allotment to onsale_service;

-- allotment
grant execute on function api.claim_allotment_move to onsale_service;
grant execute on function api.apply_allotment_answer to onsale_service;

-- watch
grant execute on function api.update_connection to onsale_service;
grant execute on function api.claim_subscription_watch to onsale_service;
grant execute on function api.complete_subscription_watch to onsale_service;
grant execute on function api.update_subscription_watch to onsale_service;
grant execute on function api.get_subscription_url to onsale_service;
grant execute on function api.place_level_looks to onsale_service;
grant execute on function api.reap_looks to onsale_service;
grant execute on function api.list_reconciliations to onsale_service;
grant execute on function api.claim_reconciliation to onsale_service;
grant execute on function api.update_reconcile_wanted to onsale_service;
