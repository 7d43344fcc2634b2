import type { Random } from './random.ts'
import type { Venue } from './records.ts'

/** What a merchant would type in for one event */
export interface EventIdea {
  readonly title: string
  readonly subtitle: string | null
  readonly category: Category
  readonly body_html: string
  readonly vendor: string
  readonly tags: string[]
  readonly venue: Venue
  readonly starts_at: Date
  readonly ends_at: Date
  readonly per_user_limit: number | null
  readonly tickets: readonly TicketIdea[]
}

export interface TicketIdea {
  readonly title: string
  readonly price_cents: number
  readonly compare_at_price_cents: number | null
  /** Seats of this kind, all locations together */
  readonly capacity: number
}

export type Category = keyof typeof CATEGORIES

/**
 * Invents events one after the other, none titled like another, with dates spread over the days after `from`.
 * Prices are in minor units of a two-decimal currency.
 */
export function createPlaybill(random: Random, { from, days }: { from: Date; days: number }) {
  const used = new Set<string>()
  const categories = Object.keys(CATEGORIES) as Category[]

  return function nextEvent(): EventIdea {
    const category = random.weighted(categories.map((name) => [CATEGORIES[name].weight, name] as const))
    const kind: Kind = CATEGORIES[category]
    const venue = random.pick(VENUES.filter((v) => kind.rooms.includes(v.room)))
    const starts_at = startOf(random, { from, days, venue, hours: kind.hours })
    const [plain, subtitle] = kind.title(random, venue)
    const title = unlike(used, plain, venue)
    const ends_at = new Date(starts_at.getTime() + random.pick(kind.lasts_min) * 60_000)
    return {
      title,
      subtitle,
      category,
      venue: plainVenue(venue),
      starts_at,
      ends_at,
      vendor: random.pick(PROMOTERS),
      tags: [category, venue.city, ...(random.chance(0.15) ? ['recommended'] : [])],
      per_user_limit: random.weighted([
        [70, 2],
        [15, 4],
        [10, 6],
        [5, null],
      ]),
      body_html: describe(random, { title, category, venue, blurbs: kind.blurbs }),
      tickets: ticketsOf(random, kind, venue),
    }
  }
}

interface Kind {
  readonly weight: number
  readonly rooms: readonly Room[]
  readonly hours: readonly string[]
  readonly lasts_min: readonly number[]
  readonly price_cents: readonly [low: number, high: number]
  readonly tickets: readonly (readonly [title: string, price_factor: number, capacity_share: number][])[]
  readonly blurbs: readonly string[]
  readonly title: (random: Random, venue: House) => [title: string, subtitle: string | null]
}

type Room = 'hall' | 'theatre' | 'club' | 'arena' | 'open air' | 'studio' | 'gallery'

type House = Venue & { readonly room: Room; readonly seats: number }

function startOf(
  random: Random,
  { from, days, venue, hours }: { from: Date; days: number; venue: House; hours: readonly string[] },
): Date {
  const day = new Date(from.getTime() + random.int(2, days) * 86_400_000).toISOString().slice(0, 10)
  return localTime(`${day}T${random.pick(hours)}:00`, venue.timezone)
}

/** The instant at which clocks of a time zone show the given local time (`2026-12-01T19:30:00`). */
export function localTime(local: string, timezone: string): Date {
  const asUtc = new Date(`${local}Z`)
  const shown = new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    dateStyle: 'short',
    timeStyle: 'medium',
  }).format(asUtc)
  const offset_ms = new Date(`${shown.replace(' ', 'T')}Z`).getTime() - asUtc.getTime()
  return new Date(asUtc.getTime() - offset_ms)
}

function unlike(used: Set<string>, plain: string, venue: House): string {
  const tries = [plain, `${plain} in ${venue.city}`, `${plain} at ${venue.name}`]
  for (let night = 2; ; night++) {
    const title = tries.shift() ?? `${plain} (night ${night})`
    if (used.has(title)) continue
    used.add(title)
    return title
  }
}

function ticketsOf(random: Random, kind: Kind, venue: House): TicketIdea[] {
  const base = random.int(...kind.price_cents)
  // A quarter to all of the house: promoters rarely open every row
  const seats = Math.max(8, Math.round(venue.seats * (0.25 + random.next() * 0.75)))
  return random.pick(kind.tickets).map(([title, price_factor, share]) => {
    const price_cents = price_factor === 0 ? 0 : Math.max(100, Math.round((base * price_factor) / 50) * 50)
    const reduced = price_cents > 1500 && random.chance(0.12)
    return {
      title,
      price_cents,
      compare_at_price_cents: reduced ? Math.round((price_cents * 1.25) / 100) * 100 : null,
      capacity: Math.max(4, Math.round(seats * share)),
    }
  })
}

function describe(
  random: Random,
  {
    title,
    category,
    venue,
    blurbs,
  }: { title: string; category: string; venue: House; blurbs: readonly string[] },
): string {
  const [first, second] = random.shuffle(blurbs)
  const doors = random.pick(['Doors open one hour before.', 'Doors open 45 minutes before the start.', ''])
  const extra = random.chance(0.4)
    ? `<ul><li>${random.pick(NOTES)}</li><li>${random.pick(NOTES_MORE)}</li></ul>`
    : ''
  return (
    `<p><strong>${escapeHtml(title)}</strong> comes to <em>${escapeHtml(venue.name)}</em>, ${venue.city}. ${first}</p>` +
    `<p>${second ?? `An evening of ${category} to remember.`} ${doors}</p>${extra}`
  )
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}

function plainVenue({ name, address, city, country, latitude, longitude, timezone }: House): Venue {
  return { name, address, city, country, latitude, longitude, timezone }
}

const band = (random: Random) =>
  random.weighted([
    [6, `The ${random.pick(BAND_FIRST)} ${random.pick(BAND_LAST)}`],
    [3, `${random.pick(BAND_FIRST)} ${random.pick(BAND_LAST)}`],
    [2, `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`],
    [1, `${random.pick(FIRST_NAMES)} & the ${random.pick(BAND_LAST)}`],
  ])

const person = (random: Random) => `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`

const CATEGORIES = {
  concert: {
    weight: 26,
    rooms: ['hall', 'club', 'arena', 'open air'],
    hours: ['19:00', '19:30', '20:00', '20:30', '21:00'],
    lasts_min: [120, 150, 180],
    price_cents: [2400, 7900],
    tickets: [
      [
        ['Standing', 1, 0.7],
        ['Seated balcony', 1.3, 0.25],
        ['Front of stage', 1.8, 0.05],
      ],
      [['General admission', 1, 1]],
      [
        ['Early bird', 0.75, 0.2],
        ['General admission', 1, 0.7],
        ['VIP with meet & greet', 3.2, 0.1],
      ],
    ],
    blurbs: [
      'Three records in, they have never sounded so sure of themselves.',
      'Expect the new songs, the old favourites, and a very long encore.',
      'Guitars, brass and a light show made for this room.',
      'Support comes from a local act to be announced.',
    ],
    title: (random) => {
      const name = band(random)
      return random.weighted<[string, string | null]>([
        [4, [name, random.pick(TOURS)]],
        [3, [`${name}: ${random.pick(TOURS)}`, null]],
        [2, [`An Evening with ${name}`, 'Acoustic set']],
        [1, [`${name} – Unplugged`, null]],
      ])
    },
  },
  classical: {
    weight: 10,
    rooms: ['hall', 'theatre'],
    hours: ['11:00', '18:00', '19:30', '20:00'],
    lasts_min: [100, 120, 150],
    price_cents: [1800, 6500],
    tickets: [
      [
        ['Category A', 1.6, 0.25],
        ['Category B', 1.2, 0.35],
        ['Category C', 0.8, 0.3],
        ['Students & under 27', 0.4, 0.1],
      ],
      [
        ['Stalls', 1.4, 0.6],
        ['Gallery', 0.9, 0.4],
      ],
    ],
    blurbs: [
      'A programme of great arcs and quiet corners.',
      'With an introduction half an hour before the concert.',
      'The orchestra returns under its chief conductor.',
    ],
    title: (random) => [random.pick(WORKS), `${random.pick(ORCHESTRAS)}, conducted by ${person(random)}`],
  },
  theatre: {
    weight: 12,
    rooms: ['theatre', 'studio'],
    hours: ['15:00', '19:00', '19:30', '20:00'],
    lasts_min: [95, 120, 165],
    price_cents: [1600, 5200],
    tickets: [
      [
        ['Stalls', 1.3, 0.5],
        ['Dress circle', 1.1, 0.3],
        ['Upper circle', 0.7, 0.2],
      ],
      [
        ['Full price', 1, 0.85],
        ['Concession', 0.6, 0.15],
      ],
    ],
    blurbs: [
      'A fresh staging that trusts its actors and its audience.',
      'Sharp, funny and finally rather sad.',
      'Performed without an interval.',
      'With surtitles in English.',
    ],
    title: (random) => [random.pick(PLAYS), `Directed by ${person(random)}`],
  },
  opera: {
    weight: 5,
    rooms: ['theatre', 'hall'],
    hours: ['17:00', '18:30', '19:00'],
    lasts_min: [160, 195, 220],
    price_cents: [3500, 11000],
    tickets: [
      [
        ['Parquet', 1.5, 0.4],
        ['Balcony', 1, 0.35],
        ['Gallery', 0.5, 0.2],
        ['Restricted view', 0.25, 0.05],
      ],
    ],
    blurbs: ['Sung in the original language with surtitles.', 'A new production with a young ensemble.'],
    title: (random) => [
      random.pick(OPERAS),
      random.pick(['New production', 'Revival', 'Concert performance']),
    ],
  },
  dance: {
    weight: 5,
    rooms: ['theatre', 'studio'],
    hours: ['18:00', '19:30', '20:00'],
    lasts_min: [70, 90, 130],
    price_cents: [1800, 5900],
    tickets: [
      [
        ['Stalls', 1.2, 0.6],
        ['Circle', 0.9, 0.4],
      ],
    ],
    blurbs: ['Twelve dancers, one drummer and a floor of sand.', 'A classic, danced as if it were new.'],
    title: (random) => [random.pick(DANCES), `${random.pick(BAND_FIRST)} Dance Company`],
  },
  comedy: {
    weight: 10,
    rooms: ['club', 'theatre', 'hall'],
    hours: ['19:00', '20:00', '21:30'],
    lasts_min: [75, 90, 110],
    price_cents: [1400, 3600],
    tickets: [
      [['Entry', 1, 1]],
      [
        ['Standard', 1, 0.8],
        ['Front table for two', 2.6, 0.2],
      ],
    ],
    blurbs: [
      'Brand new hour. Front rows are chosen at your own risk.',
      'Winner of a prize nobody in the family had heard of.',
      'Recommended from 16 years.',
    ],
    title: (random) => [`${person(random)}: ${random.pick(COMEDY_SHOWS)}`, 'Stand-up comedy'],
  },
  festival: {
    weight: 7,
    rooms: ['open air', 'arena'],
    hours: ['12:00', '14:00', '16:00'],
    lasts_min: [480, 600, 2880],
    price_cents: [3900, 9900],
    tickets: [
      [
        ['Day ticket', 1, 0.6],
        ['Weekend ticket', 1.8, 0.3],
        ['Weekend + camping', 2.4, 0.1],
      ],
      [
        ['Early bird', 0.8, 0.3],
        ['Regular', 1, 0.65],
        ['Supporter', 1.7, 0.05],
      ],
    ],
    blurbs: [
      'Three stages, forty acts, one lake.',
      'Local food, fair cups, and trains that run until the last song.',
      'Children under 10 come in free.',
    ],
    title: (random, venue) => [`${venue.city} ${random.pick(FESTIVALS)}`, random.pick(EDITIONS)],
  },
  sports: {
    weight: 8,
    rooms: ['arena'],
    hours: ['15:30', '18:00', '19:30', '20:15'],
    lasts_min: [105, 120, 150],
    price_cents: [1500, 6900],
    tickets: [
      [
        ['Standing, home', 0.7, 0.3],
        ['Seat', 1.2, 0.6],
        ['Family block', 0.9, 0.1],
      ],
      [
        ['Upper tier', 0.8, 0.5],
        ['Lower tier', 1.3, 0.45],
        ['Courtside', 4, 0.05],
      ],
    ],
    blurbs: ['Last season this match went to extra time.', 'Scarves at the ready: the derby is back.'],
    title: (random, venue) => [
      `${venue.city} ${random.pick(TEAMS)} – ${random.pick(CITIES.filter((c) => c !== venue.city))} ${random.pick(TEAMS)}`,
      random.pick(['Basketball league', 'Ice hockey league', 'Handball cup', 'Volleyball, quarter-final']),
    ],
  },
  conference: {
    weight: 5,
    rooms: ['hall', 'gallery'],
    hours: ['09:00', '09:30'],
    lasts_min: [480, 1920],
    price_cents: [9900, 49000],
    tickets: [
      [
        ['Early bird', 0.7, 0.3],
        ['Regular', 1, 0.6],
        ['Student', 0.25, 0.1],
      ],
      [
        ['On site', 1, 0.7],
        ['Workshop day + conference', 1.7, 0.3],
      ],
    ],
    blurbs: ['Two tracks, long breaks, and no sponsor talks.', 'Thirty speakers who still do the work.'],
    title: (random, venue) => [`${random.pick(TOPICS)} ${venue.city}`, random.pick(EDITIONS)],
  },
  workshop: {
    weight: 5,
    rooms: ['studio', 'gallery'],
    hours: ['10:00', '14:00', '18:30'],
    lasts_min: [120, 180, 240],
    price_cents: [2500, 9500],
    tickets: [[['Seat', 1, 1]]],
    blurbs: ['All material is provided. Bring an apron and some patience.', 'For beginners and rusty hands.'],
    title: (random) => [random.pick(WORKSHOPS), `With ${person(random)}`],
  },
  exhibition: {
    weight: 4,
    rooms: ['gallery'],
    hours: ['10:00', '11:00'],
    lasts_min: [480],
    price_cents: [900, 2200],
    tickets: [
      [
        ['Full price', 1, 0.6],
        ['Reduced', 0.5, 0.3],
        ['Members', 0, 0.1],
      ],
    ],
    blurbs: [
      'More than a hundred works, many shown for the first time.',
      'Timed entry; the last one is at five.',
    ],
    title: (random) => [random.pick(EXHIBITIONS), null],
  },
  family: {
    weight: 6,
    rooms: ['theatre', 'hall', 'studio'],
    hours: ['10:30', '14:00', '15:30', '16:00'],
    lasts_min: [50, 60, 75],
    price_cents: [900, 2400],
    tickets: [
      [
        ['Child', 0.7, 0.5],
        ['Adult', 1, 0.4],
        ['Family of four', 3, 0.1],
      ],
    ],
    blurbs: ['For everybody from four years on.', 'There will be bubbles, and one rather loud trombone.'],
    title: (random) => [random.pick(FAMILY_SHOWS), 'For children and their grown-ups'],
  },
  film: {
    weight: 4,
    rooms: ['hall', 'open air', 'studio'],
    hours: ['17:30', '20:00', '21:15'],
    lasts_min: [100, 125, 153],
    price_cents: [1000, 3900],
    tickets: [
      [['Entry', 1, 1]],
      [
        ['Seat', 1, 0.8],
        ['Deck chair', 1.3, 0.2],
      ],
    ],
    blurbs: ['A restored print with a live score.', 'Introduced by the archive that found the missing reel.'],
    title: (random) => [`${random.pick(SILENT_FILMS)} with live music`, `At the piano: ${person(random)}`],
  },
} as const satisfies Record<string, Kind>

const BAND_FIRST = [
  'Velvet',
  'Paper',
  'Northern',
  'Copper',
  'Midnight',
  'Slow',
  'Electric',
  'Hollow',
  'Golden',
  'Silent',
  'Crooked',
  'Marble',
  'Neon',
  'Salt',
  'Wild',
  'Distant',
  'Broken',
  'Ember',
  'Lunar',
  'Juniper',
] as const
const BAND_LAST = [
  'Harbours',
  'Lanterns',
  'Foxes',
  'Cartographers',
  'Satellites',
  'Orchard',
  'Avenue',
  'Swimmers',
  'Tigers',
  'Weather',
  'Parade',
  'Ghosts',
  'Choir',
  'Islands',
  'Telegraph',
  'Sisters',
  'Engines',
  'Wolves',
  'Gardeners',
  'Radio',
] as const
/** Given names of made-up people */
export const FIRST_NAMES = [
  'Mara',
  'Jonas',
  'Aoife',
  'Søren',
  'Lucía',
  'Théo',
  'Zoë',
  'Björn',
  'Amira',
  'Rafael',
  'Ingrid',
  'Nadia',
  'Kwame',
  'Hanna',
  'Diego',
  'Priya',
  'Mateusz',
  'Noor',
  'Elif',
  'Oskar',
  'Chloé',
  'Tomás',
  'Yuki',
  'Freya',
] as const
/** Family names of made-up people */
export const LAST_NAMES = [
  'Lindqvist',
  'Okafor',
  'Brennan',
  'Vermeulen',
  'García',
  'Dubois',
  'Novák',
  'Ødegaard',
  'Haddad',
  'Keller',
  "O'Malley",
  'Fernandes',
  'Kowalczyk',
  'Petersen',
  'Rossi',
  'Tanaka',
  'Weiß',
  'Larsen',
  'Yılmaz',
  'Moreau',
] as const
const TOURS = [
  'The Long Way Round Tour',
  'Small Hours Tour',
  'World on Mute',
  'Ten Years On',
  'Every Light in Town',
  'Postcards Tour',
  'Louder than Rain',
  'Last Train Home Tour',
  'Rooms & Rivers',
  'Début Revisited',
] as const
const WORKS = [
  'Mahler: Symphony No. 5',
  'Beethoven: Symphony No. 7',
  'Dvořák: New World Symphony',
  'Mozart: Requiem',
  'Vivaldi: The Four Seasons',
  'Brahms: A German Requiem',
  'Sibelius: Violin Concerto',
  'Bach: St John Passion',
  'Schubert: Winterreise',
  'Tchaikovsky: Symphony No. 6 “Pathétique”',
  'Saint-Saëns: Organ Symphony',
  'Handel: Messiah',
  'Grieg & Nielsen: Northern Light',
  'Fauré: Requiem',
  'Holst: The Planets',
] as const
const ORCHESTRAS = [
  'North Sea Philharmonic',
  'City Chamber Orchestra',
  'Alpine Symphony Orchestra',
  'Ensemble Méridien',
  'Baltic Sinfonietta',
  'Riverside Philharmonic',
] as const
const PLAYS = [
  "A Midsummer Night's Dream",
  'Hedda Gabler',
  'The Cherry Orchard',
  'Twelfth Night',
  'The Importance of Being Earnest',
  'Tartuffe',
  'Peer Gynt',
  'Uncle Vanya',
  'Much Ado About Nothing',
  'The Government Inspector',
  'Nathan the Wise',
  'Antigone',
  'The Misanthrope',
  'Macbeth',
  'Cyrano de Bergerac',
  'The Seagull',
] as const
const OPERAS = [
  'La Traviata',
  'The Magic Flute',
  'Carmen',
  'Tosca',
  'Così fan tutte',
  'Rusalka',
  'Fidelio',
  'Aida',
] as const
const DANCES = [
  'Swan Lake',
  'Giselle',
  'The Nutcracker',
  'Tidal',
  'Rooms Without Doors',
  'Sand & Drum',
  'Coppélia',
] as const
const COMEDY_SHOWS = [
  'Sorry, I Was Muted',
  'Fairly Big in Belgium',
  'The Quiet Carriage',
  'Best Before',
  'Terms & Conditions',
  'Adult Supervision',
  'Who Left the Oven On?',
  'Plan C',
  'Reply All',
  'Mildly Dangerous',
] as const
const FESTIVALS = [
  'Jazz Weekend',
  'Open Air',
  'Street Food & Music Festival',
  'Blues Nights',
  'Electronic Days',
  'Folk by the Water',
  'Indie Fest',
  'Winter Lights Festival',
  'Wine & Song',
] as const
const EDITIONS = ['12th edition', '25 years', '3rd edition', 'Anniversary edition', '7th edition'] as const
const TEAMS = [
  'Falcons',
  'Bears',
  'Sharks',
  'Knights',
  'Comets',
  'Stags',
  'Hornets',
  'Lions',
  'Mariners',
] as const
const TOPICS = [
  'Database Days',
  'Type Conference',
  'Women in Engineering',
  'Green Cities Forum',
  'Accessibility Summit',
  'Frontend & Friends',
  'Future of Food',
  'Open Data Congress',
] as const
const WORKSHOPS = [
  'Sourdough for Beginners',
  'Linocut Printing',
  'Wheel-thrown Pottery',
  'Urban Sketching',
  'Natural Wine Tasting',
  'Ramen from Scratch',
  'Kintsugi: Mending with Gold',
  'Songwriting Lab',
  'Bicycle Repair Evening',
  'Crème & Crust: French Patisserie',
] as const
const EXHIBITIONS = [
  'Light & Shadow: Early Photography',
  'Women of the Bauhaus',
  'The Colour of Water',
  'Maps of Nowhere',
  'Design for Small Rooms',
  'Ancient Glass',
  'Posters of the Belle Époque',
] as const
const FAMILY_SHOWS = [
  'Peter and the Wolf',
  'The Lost Sock',
  'Captain Cuttle’s Big Wave',
  'The Bremen Town Musicians',
  'Moon, Come Down!',
  'The Very Loud Library',
  'Pinocchio',
] as const
const SILENT_FILMS = [
  'Metropolis',
  'Nosferatu',
  'The General',
  'The Gold Rush',
  'Faust',
  'The Lodger',
  'Sunrise',
] as const
const PROMOTERS = [
  'Lighthouse Live',
  'Kulturwerk',
  'Two Rivers Presents',
  'Nordlicht Konzerte',
  'Grand Tour',
] as const
const NOTES = [
  'Wheelchair places on request',
  'Strobe lights are used',
  'Cashless bars',
  'No photography, please',
] as const
const NOTES_MORE = [
  'Tickets include local transport',
  'Cloakroom: 2 € per item',
  'Under 16 only with an adult',
  'Late entry only in the interval',
] as const

// Made-up houses in real cities, with the cities' own coordinates
const HOUSES: readonly (readonly [string, Room, number, string, string, string, number, number, string])[] = [
  ['Speicher Halle 7', 'hall', 1800, 'Am Sandtorkai 7', 'Hamburg', 'DE', 53.5437, 9.9885, 'Europe/Berlin'],
  ['Volksoper am Park', 'theatre', 1100, 'Parkallee 12', 'Hamburg', 'DE', 53.5582, 9.9841, 'Europe/Berlin'],
  ['Kraftwerk Ost', 'club', 650, 'Köpenicker Str. 70', 'Berlin', 'DE', 52.5106, 13.4205, 'Europe/Berlin'],
  ['Spree Arena', 'arena', 9500, 'Mühlenstr. 14', 'Berlin', 'DE', 52.5057, 13.4439, 'Europe/Berlin'],
  ['Galerie Nordlicht', 'gallery', 160, 'Linienstr. 155', 'Berlin', 'DE', 52.5275, 13.3957, 'Europe/Berlin'],
  ['Isar Bühne', 'open air', 4200, 'Praterinsel 3', 'München', 'DE', 48.1385, 11.5893, 'Europe/Berlin'],
  [
    'Theater am Gärtnerplatz 9',
    'theatre',
    820,
    'Klenzestr. 30',
    'München',
    'DE',
    48.1319,
    11.576,
    'Europe/Berlin',
  ],
  ['Rheinhalle', 'arena', 7800, 'Deutzer Ring 2', 'Köln', 'DE', 50.9384, 6.9835, 'Europe/Berlin'],
  ['Zum Roten Vorhang', 'studio', 120, 'Ehrenstr. 18', 'Köln', 'DE', 50.9389, 6.9432, 'Europe/Berlin'],
  [
    'Wiener Konzerthaus Süd',
    'hall',
    1500,
    'Landstraßer Gürtel 5',
    'Wien',
    'AT',
    48.1865,
    16.3801,
    'Europe/Vienna',
  ],
  ['Kammerspiele am Ring', 'theatre', 540, 'Opernring 21', 'Wien', 'AT', 48.2021, 16.3655, 'Europe/Vienna'],
  ['Limmat Forum', 'hall', 1200, 'Limmatquai 88', 'Zürich', 'CH', 47.3744, 8.5437, 'Europe/Zurich'],
  ['Atelier Quai', 'studio', 60, 'Quai du Mont-Blanc 4', 'Genève', 'CH', 46.2088, 6.1503, 'Europe/Zurich'],
  ['Salle des Lumières', 'hall', 1600, '24 rue de Charonne', 'Paris', 'FR', 48.8533, 2.3769, 'Europe/Paris'],
  ['Théâtre du Canal', 'theatre', 760, '9 quai de Valmy', 'Paris', 'FR', 48.8709, 2.3656, 'Europe/Paris'],
  ['Le Petit Café Concert', 'club', 220, '3 rue Mercière', 'Lyon', 'FR', 45.7622, 4.833, 'Europe/Paris'],
  [
    'Arènes de la Mer',
    'open air',
    5200,
    'Promenade du Prado 1',
    'Marseille',
    'FR',
    43.2727,
    5.3875,
    'Europe/Paris',
  ],
  [
    'De Gouden Zaal',
    'hall',
    900,
    'Prinsengracht 300',
    'Amsterdam',
    'NL',
    52.3688,
    4.8816,
    'Europe/Amsterdam',
  ],
  ['Haven Arena', 'arena', 8800, 'Maasboulevard 60', 'Rotterdam', 'NL', 51.9188, 4.4944, 'Europe/Amsterdam'],
  ['Brouwerij 9', 'club', 380, 'Vlaanderenstraat 9', 'Gent', 'BE', 51.0496, 3.7285, 'Europe/Brussels'],
  ['Canal Works', 'gallery', 240, 'Quai au Foin 35', 'Bruxelles', 'BE', 50.8553, 4.3465, 'Europe/Brussels'],
  [
    'Harbour Lights Theatre',
    'theatre',
    950,
    '1 Queen Square',
    'Bristol',
    'GB',
    51.4503,
    -2.5954,
    'Europe/London',
  ],
  [
    'The Tin Foundry',
    'club',
    480,
    '40 Blossom Street',
    'Manchester',
    'GB',
    53.4852,
    -2.2278,
    'Europe/London',
  ],
  [
    'Riverside Pavilion',
    'open air',
    6400,
    'South Bank Gardens',
    'London',
    'GB',
    51.5063,
    -0.1163,
    'Europe/London',
  ],
  ['The Gasworks', 'studio', 140, '155 Vauxhall Street', 'London', 'GB', 51.4841, -0.1186, 'Europe/London'],
  [
    'Leith Assembly',
    'hall',
    1050,
    '43 Constitution Street',
    'Edinburgh',
    'GB',
    55.9735,
    -3.1673,
    'Europe/London',
  ],
  ['Liffey Hall', 'hall', 1300, '12 Ormond Quay', 'Dublin', 'IE', 53.3459, -6.2672, 'Europe/Dublin'],
  [
    'Teatro del Puerto',
    'theatre',
    880,
    'Carrer de la Mar 12',
    'València',
    'ES',
    39.4738,
    -0.3713,
    'Europe/Madrid',
  ],
  [
    'Sala Montjuïc',
    'club',
    560,
    'Passeig de l’Exposició 40',
    'Barcelona',
    'ES',
    41.3722,
    2.1604,
    'Europe/Madrid',
  ],
  ['Palacio Norte', 'arena', 9900, 'Avenida de Castilla 8', 'Madrid', 'ES', 40.4672, -3.689, 'Europe/Madrid'],
  ['Armazém 22', 'gallery', 300, 'Rua do Ouro 22', 'Porto', 'PT', 41.1486, -8.6402, 'Europe/Lisbon'],
  [
    'Coliseu da Ribeira',
    'hall',
    1700,
    'Rua da Ribeira Nova 4',
    'Lisboa',
    'PT',
    38.7061,
    -9.1447,
    'Europe/Lisbon',
  ],
  ['Teatro Sant’Anna', 'theatre', 1000, 'Via dei Mille 20', 'Torino', 'IT', 45.0622, 7.6837, 'Europe/Rome'],
  ['Cortile Grande', 'open air', 3000, 'Via Galliera 8', 'Bologna', 'IT', 44.4982, 11.3414, 'Europe/Rome'],
  [
    'Tivoli Syd',
    'open air',
    4800,
    'Vesterbrogade 60',
    'København',
    'DK',
    55.6721,
    12.5511,
    'Europe/Copenhagen',
  ],
  ['Slakteriet', 'club', 420, 'Slakthusgatan 6', 'Stockholm', 'SE', 59.2949, 18.0824, 'Europe/Stockholm'],
  ['Fjordhallen', 'arena', 6500, 'Dronning Eufemias gate 15', 'Oslo', 'NO', 59.9087, 10.7593, 'Europe/Oslo'],
  [
    'Kaapeli Studio',
    'studio',
    200,
    'Tallberginkatu 1',
    'Helsinki',
    'FI',
    60.1621,
    24.9043,
    'Europe/Helsinki',
  ],
  ['Fabryka Dźwięku', 'club', 700, 'ul. Mińska 25', 'Warszawa', 'PL', 52.2516, 21.0585, 'Europe/Warsaw'],
  [
    'Divadlo Na Nábřeží',
    'theatre',
    640,
    'Smetanovo nábřeží 8',
    'Praha',
    'CZ',
    50.0816,
    14.4137,
    'Europe/Prague',
  ],
  ['Duna Terem', 'hall', 1400, 'Belgrád rakpart 18', 'Budapest', 'HU', 47.4886, 19.0533, 'Europe/Budapest'],
  [
    'Pier 12 Arena',
    'arena',
    8200,
    '12 Atlantic Avenue',
    'New York',
    'US',
    40.6883,
    -74.0018,
    'America/New_York',
  ],
  [
    'The Annex on Halsted',
    'studio',
    180,
    '1650 N Halsted Street',
    'Chicago',
    'US',
    41.9117,
    -87.6486,
    'America/Chicago',
  ],
]

const VENUES: readonly House[] = HOUSES.map(
  ([name, room, seats, address, city, country, latitude, longitude, timezone]) => ({
    name,
    room,
    seats,
    address,
    city,
    country,
    latitude,
    longitude,
    timezone,
  }),
)

const CITIES: readonly string[] = [...new Set(VENUES.map((v) => v.city))]
