import { LabError } from "../../lib/errors.ts";
import { additionTask } from "./tasks/addition.ts";
import { copyTask } from "./tasks/copy.ts";
import { instructionsTask } from "./tasks/instructions.ts";
import { keyValueTask } from "./tasks/key_value.ts";
import { manyShotTask } from "./tasks/many_shot.ts";
import { needleTask } from "./tasks/needle.ts";
import { questionTypeTask } from "./tasks/question_type.ts";
import { sentimentTask } from "./tasks/sentiment.ts";
import { singleHopTask } from "./tasks/single_hop.ts";
import { storiesTask } from "./tasks/stories.ts";
import { topicTask } from "./tasks/topic.ts";
import { twoHopTask } from "./tasks/two_hop.ts";
import type { Task } from "./types.ts";

/** Every task of the toy world, in the order in which they are shown. */
export const tasks: readonly Task[] = Object.freeze([
  storiesTask,
  singleHopTask,
  twoHopTask,
  additionTask,
  sentimentTask,
  topicTask,
  questionTypeTask,
  keyValueTask,
  needleTask,
  copyTask,
  manyShotTask,
  instructionsTask,
]);

/** The task of an id. Throws `not-found`. */
export function taskOf(id: string): Task {
  const task = tasks.find((t) => t.id === id);
  if (task === undefined)
    throw new LabError(
      "not-found",
      `There is no task "${id}".`,
      `The tasks are: ${tasks.map((t) => t.id).join(", ")}.`,
    );
  return task;
}
