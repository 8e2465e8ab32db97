/* The five-armed task of the page "Play": what a class code stands for, and what leaves the page as a file.
   Pure functions, no page. Plain scripts rather than modules, so that they also run from a file:// address; Jupyter Book
   loads each on every page, in no certain order, so none calls another before the page is there. */
"use strict";

globalThis.playTask = (() => {
  const N_TRIALS = 100;

  /** What people type twice must be one code: case, blanks and signs do not count. The same for nicknames, which then
      need no quotes in a CSV file. */
  function plain(text, longest = 32) {
    const dashed = text.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");
    return [...dashed.replace(/^-/, "")].slice(0, longest).join("").replace(/-$/, "");
  }

  /** Letters and digits that are not mistaken for each other when read aloud from a screen. */
  function randomText(length) {
    const letters = "abcdefghjkmnpqrstuvwxyz23456789";
    return [...crypto.getRandomValues(new Uint32Array(length))].map((n) => letters[n % letters.length]).join("");
  }

  /** Four random letters tell two Adas apart, keep pandas from reading the nickname "NA" as nothing, and make each
      session a subject of its own. */
  const subjectLabel = (nickname) => `${plain(nickname, 20) || "player"}-${randomText(4)}`;

  /** FNV-1a, 32 bits, of the code's UTF-8 bytes (Fowler, Noll & Vo, 1991). */
  function seedOf(code) {
    let hash = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(code)) hash = Math.imul(hash ^ byte, 0x01000193);
    return hash >>> 0;
  }

  /** The code seeds Mulberry32 (see model.js). Its first four numbers shuffle the arms (Fisher and Yates), since a reader of
      the course knows that arm 2 is the best: order[place] is the arm that stands there. The others draw the table, row by
      row: outcomes[trial][arm], with arms numbered as in FIVE_ARMS. */
  function drawTask(code, nTrials = N_TRIALS) {
    const next = rwlib.random(seedOf(code));
    const order = rwlib.FIVE_ARMS.map((_, arm) => arm);
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
    const outcomes = Array.from({ length: nTrials }, () => rwlib.FIVE_ARMS.map((p) => (next() < p ? 1 : 0)));
    return { order, outcomes };
  }

  const rewardsOf = (choices, outcomes) => choices.map((arm, trial) => outcomes[trial][arm]);

  /** What rwlib.read_choices takes. Choices are numbers of arms, wherever these stood on the screen; n_actions is noted
      because no file shows an arm that was never chosen. */
  function toCsv(subject, code, choices, rewards) {
    const rows = choices.map((arm, trial) => [subject, trial, arm, rewards[trial], rwlib.FIVE_ARMS.length, code].join(","));
    return ["subject,trial,choice,reward,n_actions,class_code", ...rows, ""].join("\n");
  }

  return { N_TRIALS, plain, randomText, subjectLabel, seedOf, drawTask, rewardsOf, toCsv };
})();
