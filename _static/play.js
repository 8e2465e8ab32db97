/* The game of the page "Play": the start, a hundred choices, a pause. What is computed from them is in play_worker.js,
   what is drawn in play_results.js and play_charts.js. */
"use strict";

(() => {
  const STATIC = document.currentScript.src; // the other scripts lie beside this one
  const KEPT = "rwlib-play"; // a reload of this tab goes on where it was
  const LOCKED_MS = 250; // long enough that one tap is never two choices

  function start() {
    const root = document.getElementById("play-here");
    if (!root) return; // Jupyter Book loads this file on every page
    const people = JSON.parse(document.getElementById("play-people").textContent);
    const find = (selector) => root.querySelector(selector);
    let game = null; // {code, nickname, subject, choices, order, outcomes}
    let locked = false;

    // ---- what survives a reload --------------------------------------------------------------------------------

    function keep() {
      const { code, nickname, subject, choices } = game;
      try {
        sessionStorage.setItem(KEPT, JSON.stringify({ code, nickname, subject, choices }));
      } catch { // storage is off: warn before choices are lost
        window.onbeforeunload = (event) => { if (game?.choices.length) event.preventDefault(); };
      }
    }

    function kept() {
      try {
        const found = JSON.parse(sessionStorage.getItem(KEPT));
        const isArm = (arm) => Number.isInteger(arm) && arm >= 0 && arm < rwlib.FIVE_ARMS.length;
        return typeof found?.code === "string" && found.choices?.every(isArm) ? found : null;
      } catch {
        return null;
      }
    }

    function forget() {
      game = null;
      try { sessionStorage.removeItem(KEPT); } catch { /* nothing was kept */ }
    }

    // ---- the start ---------------------------------------------------------------------------------------------

    function showStart(code = new URLSearchParams(location.search).get("code") ?? "", nickname = "") {
      root.dataset.state = "start";
      root.innerHTML = `
        <form class="play-start">
          <p class="play-lead">On each of a hundred trials you choose one of five arms. An arm pays a point or nothing. Some pay more often than others, and that never changes. Win as many points as you can; it takes about two minutes.</p>
          <label for="play-code">Class code</label>
          <input id="play-code" maxlength="32" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="play-code-hint">
          <p class="play-note" id="play-code-hint">Players with the same code meet the same outcomes. Leave it empty to get a new one.</p>
          <label for="play-nickname">Nickname <span>(optional)</span></label>
          <input id="play-nickname" maxlength="20" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="play-nickname-hint">
          <p class="play-note" id="play-nickname-hint">Part of the name in your file. Nothing that you type or choose leaves this browser.</p>
          <button class="play-button primary">Start</button>
        </form>`;
      find("#play-code").value = code;
      find("#play-nickname").value = nickname;
      find("form").addEventListener("submit", (event) => {
        event.preventDefault();
        const nickname = find("#play-nickname").value;
        const code = playTask.plain(find("#play-code").value) || playTask.randomText(5);
        begin({ code, nickname, subject: playTask.subjectLabel(nickname), choices: [] });
      });
    }

    function begin(session) {
      game = { ...session, ...playTask.drawTask(session.code) };
      if (game.choices.length >= playTask.N_TRIALS) return void showEnd(false);
      keep();
      showGame();
      if (game.choices.length) pause();
      else focusArm(2);
    }

    // ---- the game ----------------------------------------------------------------------------------------------

    function showGame() {
      root.innerHTML = `
        <div class="play-game">
          <div class="play-status">
            <span>Trial <b data-trial></b> of ${playTask.N_TRIALS}</span>
            <span><b data-points></b> points</span>
            <button type="button" class="play-button" data-do="pause">Pause</button>
          </div>
          <progress max="${playTask.N_TRIALS}" aria-label="Trials played"></progress>
          <p class="play-feedback" data-feedback>Choose an arm.</p>
          <div class="play-table-top">
            <div class="play-arms" role="group" aria-label="Arms">
              ${playCharts.NAMES.map((name, place) => `
                <button type="button" class="play-arm" data-place="${place}" tabindex="-1" aria-label="${place + 1}, ${name}">
                  ${playCharts.shape(place, 34)}<span class="play-outcome" aria-hidden="true"></span><kbd aria-hidden="true">${place + 1}</kbd>
                </button>`).join("")}
            </div>
            <div class="play-pause" role="group" aria-label="Paused" hidden>
              <p>Paused after <b data-played></b> of ${playTask.N_TRIALS} trials.</p>
              <button type="button" class="play-button primary" data-do="go on">Go on</button>
              <button type="button" class="play-button" data-do="restart">Start over</button>
            </div>
          </div>
          <p class="play-note">Tap an arm<span class="play-keys">, or press <kbd>1</kbd> to <kbd>5</kbd>, or <kbd>←</kbd> <kbd>→</kbd> and <kbd>Enter</kbd>; <kbd>P</kbd> pauses</span>. Nothing is timed.</p>
          <p class="play-heard" aria-live="polite"></p>
        </div>`;
      find(".play-arms").addEventListener("click", (event) => {
        const arm = event.target.closest("[data-place]");
        if (arm) choose(Number(arm.dataset.place));
      });
      root.dataset.state = "ready";
      update();
    }

    function update() {
      const played = game.choices.length;
      find("[data-trial]").textContent = Math.min(played + 1, playTask.N_TRIALS);
      find("[data-points]").textContent = playTask.rewardsOf(game.choices, game.outcomes).reduce((a, b) => a + b, 0);
      find("progress").value = played;
      root.dataset.played = played;
    }

    function choose(place) {
      if (locked || root.dataset.state !== "ready") return;
      const arm = game.order[place], paid = game.outcomes[game.choices.length][arm];
      game.choices.push(arm);
      keep();
      root.querySelectorAll(".play-arm").forEach((button, i) => {
        button.classList.toggle("paid", i === place && paid === 1);
        button.classList.toggle("unpaid", i === place && paid === 0);
        button.querySelector(".play-outcome").textContent = i === place ? (paid ? "+1" : "0") : "";
      });
      const name = playCharts.NAMES[place];
      const said = paid ? `The ${name} paid 1 point.` : `The ${name} paid nothing.`;
      find("[data-feedback]").textContent = said;
      find("[data-feedback]").classList.toggle("good", paid === 1);
      update();
      find(".play-heard").textContent = `${said} ${find("[data-points]").textContent} points after ${game.choices.length} trials.`;
      focusArm(place);
      locked = true;
      const last = game.choices.length === playTask.N_TRIALS;
      setTimeout(() => {
        locked = false;
        if (last && game?.choices.length === playTask.N_TRIALS) showEnd();
      }, last ? 900 : LOCKED_MS);
    }

    /** One arm at a time takes part in the tab order; arrows go from arm to arm. */
    function focusArm(place) {
      root.querySelectorAll(".play-arm").forEach((button, i) => { button.tabIndex = i === place ? 0 : -1; });
      find(`[data-place="${place}"]`).focus({ preventScroll: true });
    }

    const currentPlace = () => Number(find('.play-arm[tabindex="0"]')?.dataset.place ?? 2);

    function pause() {
      root.dataset.state = "paused";
      find("[data-played]").textContent = game.choices.length;
      find(".play-pause").hidden = false;
      find(".play-arms").inert = true;
      find('[data-do="pause"]').disabled = true;
      find('[data-do="go on"]').focus({ preventScroll: true });
    }

    function goOn() {
      find(".play-pause").hidden = true;
      find(".play-arms").inert = false;
      find('[data-do="pause"]').disabled = false;
      root.dataset.state = "ready";
      focusArm(currentPlace());
    }

    root.addEventListener("click", (event) => {
      const action = event.target.closest("[data-do]")?.dataset.do;
      if (action === "pause") pause();
      if (action === "go on") goOn();
      if (action === "restart" || action === "again") {
        const { code, nickname } = game;
        forget();
        // Whoever has seen the end knows the arms of this code.
        showStart(action === "restart" ? code : "", nickname);
        find(action === "restart" ? ".play-button" : "#play-code").focus();
      }
    });

    // Before other listeners: the theme turns pages with the arrow keys.
    window.addEventListener("keydown", (event) => {
      const playing = root.dataset.state === "ready", paused = root.dataset.state === "paused";
      const elsewhere = event.target !== document.body && !root.contains(event.target);
      if (!(playing || paused) || elsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
      const digit = /^(Digit|Numpad)([1-5])$/.exec(event.code)?.[2] ?? (/^[1-5]$/.test(event.key) ? event.key : null);
      const arrow = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const onArm = event.target.closest?.(".play-arm");
      if (digit && playing) { if (!event.repeat) choose(Number(digit) - 1); }
      else if (arrow) { if (playing) focusArm((currentPlace() + arrow + 5) % 5); }
      else if (event.key.toLowerCase() === "p" || event.key === "Escape") { if (!event.repeat) { if (paused) goOn(); else pause(); } }
      else if (event.key === "Enter" && playing && (onArm || event.target === document.body)) { if (!event.repeat) choose(currentPlace()); }
      else return;
      event.preventDefault();
      event.stopPropagation();
    }, true);

    // ---- the end -----------------------------------------------------------------------------------------------

    function weigh(choices, rewards) {
      return new Promise((resolve) => {
        const here = () => setTimeout(() => {
          const before = performance.now();
          resolve({ ...playGrid.posterior(choices, rewards), seconds: (performance.now() - before) / 1000 });
        }, 50); // the page shows first that it is busy
        try {
          const worker = new Worker(new URL("play_worker.js", STATIC));
          worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
          worker.onerror = here;
          worker.postMessage({ choices, rewards });
        } catch { // no workers on file:// addresses
          here();
        }
      });
    }

    async function showEnd(justNow = true) {
      root.dataset.state = "weighing";
      root.innerHTML = `<p class="play-busy" role="status">Weighing your choices …</p>`;
      const rewards = playTask.rewardsOf(game.choices, game.outcomes);
      const found = await weigh(game.choices, rewards);
      if (!game) return;
      root.innerHTML = `<div class="play-results"></div>`;
      playResults.show(find(".play-results"), { ...game, rewards, people }, found);
      root.dataset.state = "done";
      if (justNow) find("h2").focus();
    }

    const session = kept();
    if (session) begin(session);
    else showStart();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
