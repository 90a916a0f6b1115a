/** The words of the toy world. Every list is closed; a sentence of the world uses nothing else. */

const words = (text: string): readonly string[] => Object.freeze(text.trim().split(/\s+/));

export const girls = words("Mia Ana Lily Zoe Eva Ruby Nora Ella Iris Rosa Clara Mila");
export const boys = words("Tom Ben Sam Max Leo Finn Jack Hugo Oscar Theo Felix Otto");
export const people: readonly string[] = Object.freeze([...girls, ...boys]);

export const places = words(
  "harbor market school garden forest farm mill castle library beach bridge tower bakery park lake village cave museum station hill",
);
export const objects = words(
  "kite ball drum lamp boat book hat bell ring coat key map clock basket rope cup doll whistle blanket mirror box bike flute umbrella brush candle spoon ladder wheel puzzle robot wagon",
);
export const animals = words(
  "cat dog fox owl rabbit horse duck bear mouse frog goat sheep cow hen bee wolf lion turtle pig bird",
);
export const foods = words("bread cake soup cheese honey milk rice pie corn fish jam tea");
export const colors = words("red blue green yellow black white brown pink purple gray");
export const jobs = words("baker farmer doctor sailor painter singer driver gardener builder tailor");
export const relations = words("sister brother friend teacher neighbor cousin");
export const plants = words("tree flower rose leaf grass seed bush root berry moss");
export const weather = words("rain snow wind sun cloud storm fog ice");
export const body = words("hand foot head nose ear eye arm leg");
export const house = words("door window wall roof table chair bed floor kitchen stove");
export const nature = words(
  "stone sand river sea star moon island field path pond shell feather stick mud fire smoke",
);
export const stuff = words("gold silver wool paper glass wood iron salt sugar butter oil");
export const more = words(
  "king queen ship train cart tent flag gate nail pot pan plate fork knife bag shirt shoe sock glove belt pin pen",
);
export const adjectives = words(
  "small big old new soft shiny round tall quiet fast slow clean heavy warm cold sweet",
);

/**
 * Words no task of this edition writes, kept in the vocabulary for tasks to come (manners, refusals, programs, calls),
 * so that models trained now can learn them later without new tokens.
 */
export const reserved = words(
  "please sorry cannot sure because true false push pop swap dup call tool result right better worse first second third next before up down open close here our your their should these those also again help",
);
export const reservedOpenings = words(
  "Please Sorry Sure Yes No Thanks Hello Because First Next And But He She They It There This If Then Tell Write Name Spell Say Use A An In On At",
);

/** Words that serve as keys and values in recall: single tokens when they follow a space. */
export const recallWords: readonly string[] = Object.freeze([
  ...places,
  ...objects,
  ...animals,
  ...foods,
  ...colors,
  ...jobs,
  ...relations,
  ...plants,
  ...weather,
  ...body,
  ...house,
  ...nature,
  ...stuff,
  ...more,
  ...adjectives,
]);

/** "she" or "he" for a person of the world. */
export const pronoun = (person: string): "she" | "he" => (girls.includes(person) ? "she" : "he");

/** "her" or "his" for a person of the world. */
export const possessive = (person: string): "her" | "his" => (girls.includes(person) ? "her" : "his");

/** "a" or "an" before a word, by its first letter. */
export const article = (word: string): string => (/^[aeiou]/.test(word) ? "an" : "a");

/** The word with its first letter in upper case. */
export const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
