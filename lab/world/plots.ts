import type { Random } from "../../lib/random.ts";
import {
  animals,
  article,
  capital,
  colors,
  foods,
  objects,
  people,
  places,
  possessive,
  pronoun,
} from "./lexicon.ts";

/** Who and what a story is about. */
export interface Cast {
  readonly hero: string;
  readonly friend: string;
  readonly thing: string;
  readonly color: string;
  readonly place: string;
  readonly other: string;
  readonly animal: string;
  readonly food: string;
  readonly sky: string;
  readonly trait: string;
  readonly plot: PlotId;
}

export const plotIds = [
  "lost",
  "wish",
  "storm",
  "gift",
  "animal",
  "contest",
  "repair",
  "feast",
  "fear",
  "secret",
] as const;
export type PlotId = (typeof plotIds)[number];

export function drawCast(random: Random): Cast {
  const [hero, friend] = random.sample(people, 2) as [string, string];
  const [place, other] = random.sample(places, 2) as [string, string];
  return {
    hero,
    friend,
    place,
    other,
    thing: random.pick(objects),
    color: random.pick(colors),
    animal: random.pick(animals),
    food: random.pick(foods),
    sky: random.pick(["rain", "snow", "wind", "storm", "fog"] as const),
    trait: random.pick(["kind", "brave", "quiet", "clever", "happy", "careful"] as const),
    plot: random.pick(plotIds),
  };
}

type Line = readonly string[];

/** The lines of a plot; each line is a choice between ways to say the same thing. */
function lines(c: Cast): Line[] {
  const { hero, friend, thing, color, place, other, animal, food, sky } = c;
  const he = pronoun(hero);
  const He = capital(he);
  const his = possessive(hero);
  const Fhe = capital(pronoun(friend));
  const an = article(animal);
  const go = [
    `One day ${hero} went to the ${place}.`,
    `In the morning ${hero} walked to the ${place}.`,
    `It was a fine day, and ${hero} was at the ${place}.`,
  ];
  const end = [
    `They were happy.`,
    `${hero} was very happy.`,
    `Then they went home together.`,
    `It was a good day.`,
    `${hero} smiled all the way home.`,
  ];
  const thanks = [
    `"Thank you, ${friend}," said ${hero}.`,
    `${hero} thanked ${friend}.`,
    `"You are a good friend," said ${hero}.`,
  ];
  switch (c.plot) {
    case "lost":
      return [
        go,
        [
          `${He} had ${his} ${color} ${thing} with ${he === "she" ? "her" : "him"}.`,
          `${He} took ${his} ${color} ${thing}.`,
        ],
        [`But then the ${thing} was gone.`, `Soon ${he} could not find the ${thing}.`],
        [`${hero} was sad.`, `${hero} looked everywhere.`, `"Where is my ${thing}?" said ${hero}.`],
        [`${friend} came and asked what was wrong.`, `${friend} saw that ${hero} was sad.`],
        [`They looked near the ${other}.`, `They went back to the ${other}.`],
        [
          `There ${friend} found the ${thing} under ${an} ${animal}.`,
          `An old man at the ${other} had the ${thing}.`,
          `The ${thing} was behind a tree.`,
        ],
        thanks,
        end,
      ];
    case "wish":
      return [
        [`${hero} wanted a ${color} ${thing}.`, `${hero} had a wish: a ${color} ${thing}.`],
        [`At the ${place} there was one.`, `${He} saw one at the ${place}.`],
        [`But it cost too much.`, `But ${he} did not have enough coins.`],
        [`So ${hero} worked at the ${other} for many days.`, `So ${he} helped ${friend} at the ${other}.`],
        [`${He} saved every coin.`, `${friend} gave ${he === "she" ? "her" : "him"} some coins.`],
        [`At last ${hero} had enough.`, `One day there were enough coins.`],
        [
          `${He} went back to the ${place} and got the ${thing}.`,
          `${He} ran to the ${place} and came home with the ${thing}.`,
        ],
        end,
      ];
    case "storm":
      return [
        go,
        [
          `${friend} was there too, with a ${color} ${thing}.`,
          `${He} played with ${friend} and a ${color} ${thing}.`,
        ],
        [`Then the ${sky} came.`, `But the ${sky} came over the ${place}.`],
        [`They were cold and wet.`, `They could not see the way.`, `"We must go," said ${friend}.`],
        [`They ran to the ${other}.`, `${hero} knew the way to the ${other}.`],
        [`Inside it was warm.`, `There they sat and waited.`],
        [`They ate some ${food}.`, `Someone gave them warm ${food}.`],
        [`After the ${sky} the sun came out.`, `Soon the sky was blue again.`],
        end,
      ];
    case "gift":
      return [
        [`It was the birthday of ${friend}.`, `${friend} was sad that day.`],
        [`${hero} wanted to give ${friend} something.`, `"What can I give ${friend}?" said ${hero}.`],
        [`${He} went to the ${place}.`, `${He} looked for one at the ${place}.`],
        [`There ${he} found a ${color} ${thing}.`, `${He} made a ${color} ${thing}.`],
        [`${He} took it to ${friend}.`, `${He} put it in a box for ${friend}.`],
        [`"Is this for me?" said ${friend}.`, `${friend} opened the box.`],
        [`${Fhe} loved the ${thing}.`, `"I love this ${thing}," said ${friend}.`],
        [`They played with it at the ${other}.`, `They ate ${food} together.`],
        end,
      ];
    case "animal":
      return [
        go,
        [`There ${he} saw ${an} ${animal}.`, `Near a tree sat ${an} ${animal}.`],
        [`The ${animal} was small and afraid.`, `The ${animal} had hurt its leg.`, `The ${animal} was cold.`],
        [`${hero} gave it some ${food}.`, `"Do not be afraid," said ${hero}.`],
        [`${friend} came to help.`, `${friend} heard it and came.`],
        [`They took the ${animal} to the ${other}.`, `They made a bed for the ${animal}.`],
        [
          `Soon the ${animal} was well and played with a ${color} ${thing}.`,
          `After some days the ${animal} could run after a ${color} ${thing}.`,
        ],
        [
          `Now the ${animal} comes to see ${hero} every day.`,
          `The ${animal} stayed with ${hero}.`,
          `The ${animal} ran back to the ${place}.`,
        ],
        end,
      ];
    case "contest":
      return [
        [`There was a race at the ${place}.`, `One day there was a big race near the ${place}.`],
        [`${hero} wanted to win a ${color} ${thing}.`, `The one who won would get a ${color} ${thing}.`],
        [`${friend} wanted to win too.`, `But ${friend} was very fast.`],
        [`They ran to the ${other} and back.`, `They all ran as fast as they could.`],
        [`Then ${friend} fell.`, `Then ${friend} hurt ${possessive(friend)} foot.`],
        [`${hero} stopped to help.`, `${hero} did not run on.`, `"Take my hand," said ${hero}.`],
        [`Someone else won the race.`, `They came in last.`],
        [`But ${friend} was glad.`, `"You are kind," said ${friend}.`],
        end,
      ];
    case "repair":
      return [
        [
          `The ${color} ${thing} of ${hero} was broken.`,
          `One day ${hero} fell and broke ${his} ${color} ${thing}.`,
        ],
        [`${He} was upset.`, `"Oh no," said ${hero}.`],
        [`${friend} worked at the ${place}.`, `"Let us go to the ${place}," said ${friend}.`],
        [`${hero} took the ${thing} to the ${place}.`, `They took the ${thing} there.`],
        [`${friend} looked at it for a long time.`, `${friend} got a rope and a brush.`],
        [`Then ${pronoun(friend)} fixed it.`, `They worked all day.`],
        [`Now the ${thing} was like new.`, `In the evening the ${thing} was fine again.`],
        thanks,
        end,
      ];
    case "feast":
      return [
        [`${hero} wanted to make ${food}.`, `Everyone at the ${place} wanted ${food}.`],
        [`But there was none at home.`, `But the kitchen was empty.`],
        [`${He} went to the ${place} with ${friend}.`, `${friend} and ${hero} went to the ${other}.`],
        [
          `They paid ${2 + (hero.length % 7)} coins and got a ${color} ${thing} too.`,
          `They gave a ${color} ${thing} for it.`,
        ],
        [`${An(animal)} wanted some too.`, `On the way they met ${an} ${animal}.`],
        [`${hero} gave it a little.`, `The ${animal} ate a little and ran off.`],
        [`At home they made a lot of ${food}.`, `They cooked all day.`],
        [`Everyone came and ate.`, `The ${food} was warm and sweet.`],
        end,
      ];
    case "fear":
      return [
        [`${hero} was afraid of the ${place}.`, `${hero} did not like the ${place}.`],
        [`It was dark there.`, `It was big and old.`],
        [
          `One day ${his} ${color} ${thing} fell in there.`,
          `One day ${friend} lost a ${color} ${thing} in there.`,
        ],
        [`${hero} had to go in.`, `"I must be brave," said ${hero}.`],
        [`${He} took a lamp.`, `${He} went in with a lamp in ${his} hand.`],
        [`There was only ${an} ${animal}.`, `${He} heard something, but it was ${an} ${animal}.`],
        [`${hero} was not afraid any more.`, `"So that is all," said ${hero}.`],
        [`${He} came out with the ${thing}.`, `${friend} was very proud of ${hero}.`],
        end,
      ];
    case "secret":
      return [
        [`${hero} had a secret.`, `Nobody knew the secret of ${hero}.`],
        [`At the ${place} ${he} had a ${color} ${thing}.`, `${He} kept a ${color} ${thing} at the ${place}.`],
        [`Every day ${he} went there.`, `${He} went there at night.`],
        [`${friend} wanted to know where ${hero} went.`, `"Where do you go?" asked ${friend}.`],
        [
          `So ${friend} walked behind ${he === "she" ? "her" : "him"} to the ${place}.`,
          `"Come with me," said ${hero}.`,
        ],
        [`${friend} saw the ${thing}.`, `${hero} showed ${friend} the ${thing}.`],
        [`"I will tell nobody," said ${friend}.`, `Now it was the secret of both.`],
        [`They went to the ${place} together after that.`, `After that they shared the ${thing}.`],
        end,
      ];
  }
}

const An = (word: string): string => capital(`${article(word)} ${word}`);

/** The sentences of a story: an opening about the hero, then the plot; hero, friend, thing and place are all named. */
export function narrate(random: Random, c: Cast): string[] {
  for (;;) {
    const told = draft(random, c);
    const words = new Set(told.join(" ").match(/[A-Za-z]+/g));
    if ([c.hero, c.friend, c.thing, c.place].every((w) => words.has(w))) return told;
  }
}

function draft(random: Random, c: Cast): string[] {
  const opening = random.pick([
    `${c.hero} was a ${c.trait} ${pronoun(c.hero) === "she" ? "girl" : "boy"} from the ${c.other}.`,
    `Once there was a ${c.trait} ${pronoun(c.hero) === "she" ? "girl" : "boy"} named ${c.hero}.`,
    `${c.hero} and ${c.friend} lived near the ${c.place}.`,
    `${c.hero} was a friend of ${c.friend}.`,
  ]);
  return [opening, ...lines(c).map((line) => random.pick(line))];
}
