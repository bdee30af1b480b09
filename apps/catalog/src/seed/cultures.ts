/** Invented authors and titles of one language: every first name goes with every last, every beginning with every end. */
export interface Culture {
  language: string
  /** The two parts of a name in the order of the language: Japanese puts the family first. */
  first: readonly string[]
  last: readonly string[]
  beginnings: readonly string[]
  ends: readonly string[]
}

const list = (text: string): string[] => text.split('|')

/** Accents, apostrophes, initials and six scripts, as a real catalogue has them. The first is the most common. */
export const cultures: readonly Culture[] = [
  {
    language: 'eng',
    first: list('Alice|Ben|Clara|Dorothy|Edmund|Faye|George|Hazel|Imogen|J.R.|Kit|Leonora|Maeve|T.K.'),
    last: list(
      "O'Sullivan|Ashdown|Brackenbury|Fairweather|Holloway-Finch|MacAlder|Pennywhistle|Quill|St. Orrin|d'Arbley",
    ),
    beginnings: list(
      "The Clockmaker|A Lantern|The Cartographer's Daughter|Seven Letters|The Orchard|Winter Light|The Last Ferry|Small Mercies|The Beekeeper|Salt & Iron|An Honest Forgery|The Quiet Engine|Nobody's Garden|The Understudy",
    ),
    ends: list(
      'of Harrow Lane|in the Rain|at the Edge of Maps|and Other Stories|from Nowhere|Under Glass|for the Departed|by the Weir|on Cold Street|, or The Long Way Home|and the Sea|at Midnight',
    ),
  },
  {
    language: 'spa',
    first: list('Álvaro|Begoña|Íñigo|Lucía|Sofía'),
    last: list('Muñoz Peñalver|Ibáñez|de la Ventana|Güell'),
    beginnings: list('La casa|El jardín|La sombra|Los mapas|El último tren|La memoria'),
    ends: list('del río|de los vientos|sin nombre|de enero|que vendrán|del relojero'),
  },
  {
    language: 'fre',
    first: list('Agnès|Benoît|Hélène|Loïc|Noël'),
    last: list("L'Hermier|Desforêts|d'Aubrac|Lefèvre-Roux"),
    beginnings: list('La maison|Le jardin|L’ombre|Les lettres|Le dernier bac|Une mémoire'),
    ends: list('des oubliés|du silence|à la mer|d’hiver|sans retour|de l’horloger'),
  },
  {
    language: 'ger',
    first: list('Jörg|Käthe|Lotte|Matthäus|Ännchen'),
    last: list('Grünwald|von der Straße|Müllner|Schönebeck'),
    beginnings: list('Das Haus|Der Garten|Der Schatten|Die Briefe|Die letzte Fähre|Das Gedächtnis'),
    ends: list('am Fluss|der Stille|ohne Türen|im Winter|des Uhrmachers|über den Dächern'),
  },
  {
    language: 'pol',
    first: list('Łucja|Michał|Żaneta|Wojciech|Zofia'),
    last: list('Świerczek|Brzęczyk|Wąs|Źrebiec'),
    beginnings: list('Dom|Ogród|Cień|Listy|Ostatni prom|Pamięć'),
    ends: list('nad rzeką|bez okien|zegarmistrza|z północy|na wietrze|i inne opowiadania'),
  },
  {
    language: 'rus',
    first: list('Алёна|Борис|Вера|Григорий|Ксения'),
    last: list('Заречных|Лесовой|Тихомир|Чернышко'),
    beginnings: list('Дом|Сад|Письма|Последний паром|Часы|Тень'),
    ends: list('у реки|без окон|на ветру|из зимы|над крышами|и другие рассказы'),
  },
  {
    language: 'gre',
    first: list('Αγγελική|Δημήτρης|Ελένη|Θάνος|Ζωή'),
    last: list('Βορινός|Καλογιάννη|Πετρίδης|Ωρολογάς'),
    beginnings: list('Το σπίτι|Ο κήπος|Η σκιά|Τα γράμματα|Το πλοίο|Η μνήμη'),
    ends: list('στο ποτάμι|χωρίς πόρτες|του χειμώνα|στον άνεμο|της σιωπής|και άλλες ιστορίες'),
  },
  {
    language: 'jpn',
    first: list('月島|水無瀬|風間|東雲'),
    last: list('葵|健太郎|さくら|美咲|リョウ'),
    beginnings: list('海辺の|夜の|名前のない|最後の|冬の|忘れられた'),
    ends: list('図書館|時計屋|手紙|庭|渡し船|猫たち'),
  },
  {
    language: 'ara',
    first: list('ليلى|يوسف|سلمى|كريم|نور'),
    last: list('البستاني|الوراق|النهري|السعيد'),
    beginnings: list('بيت|حديقة|رسائل|ظل|ذاكرة|قارب'),
    ends: list('النهر|الصمت|الشتاء|الساعاتي|الريح|بلا عنوان'),
  },
]
