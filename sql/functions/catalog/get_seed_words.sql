-- What the made-up events of apply_seed are made of. The lists together hold every word that a search can find in
-- such an event, also those that apply_seed writes between them ("The", "with").
create or replace function api.get_seed_words(
  out qualities text[],
  out things text[],
  out first_names text[],
  out last_names text[],
  out formats text[],
  out categories text[],
  out venue_qualities text[],
  out venue_kinds text[],
  out cities text[],
  out sentences text[],
  out ticket_names text[]
)
returns record
language sql
immutable
parallel safe
as $$
  select
    array['Velvet', 'Silver', 'Midnight', 'Golden', 'Electric', 'Broken', 'Hollow', 'Crimson', 'Distant', 'Wild',
      'Paper', 'Northern', 'Secret', 'Burning', 'Quiet', 'Lunar', 'Savage', 'Gentle', 'Neon', 'Frozen', 'Lucky',
      'Hidden', 'Royal', 'Restless', 'Marble', 'Cosmic', 'Rusty', 'Amber', 'Sleepy', 'Proud'],
    array['Foxes', 'Lanterns', 'Rivers', 'Machines', 'Orchestra', 'Wolves', 'Sparrows', 'Giants', 'Mirrors',
      'Collective', 'Sailors', 'Ghosts', 'Tigers', 'Gardens', 'Comets', 'Dancers', 'Thieves', 'Prophets', 'Kings',
      'Strangers', 'Ensemble', 'Quartet', 'Pilots', 'Echoes', 'Shadows', 'Bandits', 'Poets', 'Saints', 'Engines',
      'Choir', 'Horizons', 'Meteors', 'Falcons', 'Pioneers', 'Trio', 'Voices', 'Wanderers', 'Brothers'],
    array['Ada', 'Björn', 'Chloé', 'Dario', 'Elif', 'Frida', 'Gaël', 'Hanna', 'Igor', 'Jürgen', 'Kaja', 'Léo',
      'Marta', 'Noémie', 'Oskar', 'Paula', 'Quentin', 'Renée', 'Søren', 'Tomás', 'Uschi', 'Vera', 'Wanda',
      'Xavier', 'Yara', 'Zoë'],
    array['Almeida', 'Bergström', 'Castellanos', 'Dvořák', 'Eriksen', 'Fontaine', 'García', 'Hoffmann', 'Ivanova',
      'Jansen', 'Kowalski', 'Lindqvist', 'Moreau', 'Nuñez', 'Okafor', 'Petrović', 'Quiroga', 'Rossi', 'Schröder',
      'Tanaka', 'Ulrich', 'Vasquez', 'Winter', 'Yılmaz', 'Zimmermann'],
    array['Tour', 'Live', 'Unplugged', 'Anniversary Show', 'Night', 'Album Release', 'Farewell Tour', 'Sessions',
      'Gala', 'Open Air', 'Special', 'Premiere', 'Jubilee', 'Matinee', 'Winter Tour', 'Summer Tour'],
    array['Concert', 'Festival', 'Theatre', 'Comedy', 'Club', 'Classical', 'Jazz', 'Sports', 'Exhibition', 'Family',
      'Conference', 'Cinema', 'Dance', 'Literature', 'Workshop', 'Musical'],
    array['Grand', 'Old', 'Royal', 'City', 'Harbour', 'Central', 'Riverside', 'Park', 'Union', 'Crystal', 'Castle',
      'Market', 'Eagle', 'Station', 'Garden'],
    array['Hall', 'Arena', 'Theatre', 'Club', 'Stage', 'Opera', 'Stadium', 'Palace', 'Warehouse', 'Pavilion',
      'Forum', 'Academy'],
    array['Berlin', 'München', 'Hamburg', 'Köln', 'Zürich', 'Wien', 'Paris', 'Besançon', 'Lyon', 'Madrid', 'Málaga',
      'Barcelona', 'Lisboa', 'São Paulo', 'Kraków', 'Warszawa', 'Praha', 'Malmö', 'København', 'Oslo', 'Helsinki',
      'Amsterdam', 'Utrecht', 'Bruxelles', 'Liège', 'Dublin', 'London', 'Glasgow', 'Manchester', 'Milano', 'Roma',
      'Torino', 'Athína', 'Budapest', 'Ljubljana', 'Zagreb', 'Tallinn', 'Rīga', 'Vilnius', 'Reykjavík'],
    array['An evening of songs that took ten years to write.', 'The doors open an hour before the show.',
      'With a full band, strings and a choir.', 'Critics called the last season unforgettable.',
      'Seats are assigned in the order of booking.', 'Bring your friends, leave your phones.',
      'A rare chance to see the original cast together.', 'Drinks and small dishes are served in the foyer.',
      'Children under twelve enter with an adult.', 'The programme lasts about two hours with one interval.',
      'New material meets the classics everybody knows.', 'Wheelchair places can be booked by telephone.',
      'Part of the proceeds goes to the local music school.', 'The opening act is a surprise.',
      'Recorded live for radio and television.', 'Free cloakroom for every ticket holder.'],
    array['General admission', 'Balcony', 'Front row', 'VIP']
$$;
comment on function api.get_seed_words() is 'The lists of words from which made-up events are drawn';
