-- A decimal string of Shopify to minor units, by the currency's exponent, without floating point.
-- Exponents that are not 2: ISO 4217, list one.
create or replace function api.get_cents(p_amount text, p_currency text)
returns bigint
language sql
immutable
parallel safe
return round(
  p_amount::numeric * case
    when p_currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND',
                        'VUV', 'XAF', 'XOF', 'XPF') then 1
    when p_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 1000
    else 100
  end
)::bigint;
comment on function api.get_cents(text, text) is
  '"25.00" and EUR to 2500; null stays null; class 22 on text that is no number';
