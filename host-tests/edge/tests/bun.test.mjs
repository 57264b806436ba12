import { tell } from "../support/story.mjs";

tell("bun");
