// What Label Studio's own pages do not show of Pachyderm storages: how far a Sync is, what is not committed yet, Cancel,
// the way to our pages; and the buttons of those pages. It looks at the page by names that may go with another version:
// where one is not found, the page stays as the host made it.
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || window.howdahPages) return;
  window.howdahPages = true;

  const root = new URL(script.src).pathname.replace(/\/howdah\/assets\/.*/, "");
  const LOOK = 400, RUNNING = 1000, AGAIN = 2000, IDLE = 10000, HEADS = 30000;
  const known = { project: null, states: null, heads: {}, asked: 0, askedHeads: 0, asking: false };
  const busy = new Map(); // storages whose button was just pressed, with what to say meanwhile

  const make = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  async function ask(path, options) {
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]*)/);
    const headers = { "Content-Type": "application/json", "X-CSRFToken": token ? token[1] : "" };
    const answer = await fetch(path, { credentials: "same-origin", headers, ...options });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.detail || `Label Studio answered ${answer.status}. Load the page anew.`);
    return told;
  }

  // States of the storages of one project, asked for while somebody looks at them.
  async function refresh(project) {
    const now = Date.now();
    if (known.project !== project) Object.assign(known, { project, states: null, heads: {}, asked: 0, askedHeads: 0 });
    const all = known.states ? [...known.states.sources, ...known.states.targets, ...known.states.exports] : [];
    const pause = !known.states ? AGAIN : busy.size || all.some((each) => each.running || each.status === "running") ? RUNNING : IDLE;
    if (known.asking || document.hidden || now - known.asked < pause) return;
    known.asking = true;
    known.asked = now;
    try {
      const path = `${root}/api/howdah/projects/${project}/storages`;
      const states = await ask(path);
      if (known.project === project) known.states = states;
      if (now - known.askedHeads > HEADS) {
        known.askedHeads = now;
        ask(`${path}/heads`).then((heads) => { if (known.project === project) known.heads = heads; }, () => {});
      }
    } catch (error) {
      known.states = null;
    } finally {
      known.asking = false;
    }
  }

  const key = (state) => `${state.kind}-${state.id}`;

  function when(time) {
    return time ? new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }) : "Not synced yet";
  }

  function facts(state) {
    const list = make("dl", "howdah-facts");
    for (const [term, text] of [...state.facts, ["Last Sync", when(state.last_sync)]]) {
      list.append(make("dt", "", term));
      const value = make("dd", "", term === "Commit" ? text.slice(0, 12) : text);
      if (term === "Commit") value.title = text;
      list.append(value);
    }
    return list;
  }

  function bar(progress) {
    const line = make("div", "howdah-progress");
    const shown = make("progress");
    if (progress.found) Object.assign(shown, { max: progress.found, value: progress.done });
    shown.setAttribute("aria-label", "Progress of the Sync");
    line.append(shown, make("span", "", progress.words));
    return line;
  }

  function button(label, does, state, quiet) {
    const made = make("button", quiet ? "howdah-button howdah-quiet" : "howdah-button", label);
    made.type = "button";
    made.dataset.howdahDo = does;
    made.dataset.howdahPath = does === "cancel" ? state.cancel : state.sync;
    made.dataset.howdahKey = key(state);
    const pressed = busy.get(key(state)); // a Sync that has just begun can be cancelled before its call returns
    made.disabled = Boolean(pressed && !pressed.failed && (does === "sync" || pressed.does === "cancel"));
    return made;
  }

  function link(href, text) {
    const made = make("a", "howdah-link", text);
    made.href = href;
    made.dataset.external = "true"; // the host would fetch the page and look for its own parts in it
    return made;
  }

  // Draws a storage; only when something changed, so that nothing flickers under the pointer.
  function draw(place, state) {
    const pressed = busy.get(key(state));
    const head = state.kind === "source" && !state.running ? known.heads[state.id] : "";
    const drawn = JSON.stringify([state, pressed, head]);
    if (place.dataset.drawn === drawn) return;
    place.dataset.drawn = drawn;
    const parts = [facts(state)];
    if (state.running && state.progress) parts.push(bar(state.progress));
    if (state.pending) parts.push(make("p", "howdah-pending", state.pending));
    if (head) parts.push(make("p", "howdah-pending", head));
    if (state.notice) parts.push(make("p", "howdah-notice", state.notice));
    if (pressed && pressed.text) parts.push(make("p", pressed.failed ? "howdah-notice" : "howdah-pending", pressed.text));
    const buttons = make("div", "howdah-buttons");
    buttons.append(state.running ? button("Cancel", "cancel", state, true) : button("Sync Storage", "sync", state));
    const ways = make("div", "howdah-ways");
    if (state.report) ways.append(link(state.report, state.notice ? "View Logs" : "Last report"));
    if (!place.closest("[data-howdah-page]")) ways.append(link(state.page, "Data and labels"));
    parts.push(buttons, ways);
    place.replaceChildren(...parts);
  }

  // The host's cards, told apart by kind and title; several of one title by their order, which is that of their ids.
  function cards() {
    const taken = {};
    for (const summary of document.querySelectorAll('[class*="storage-settings__summary"]')) {
      const content = summary.parentElement, sync = content.querySelector('[class*="storage-settings__sync"]');
      const header = content.parentElement.firstElementChild;
      const values = [...summary.querySelectorAll("dd")].map((each) => each.textContent.trim());
      if (!sync || !["Pachyderm", "pachyderm"].includes(values[0])) continue;
      const terms = [...summary.querySelectorAll("dt")].map((each) => each.textContent.trim());
      const list = terms.includes("Annotations") ? "targets" : "sources";
      const title = header.firstElementChild.textContent.trim();
      const name = `${list} ${title}`;
      taken[name] = (taken[name] || 0) + 1;
      const same = known.states ? known.states[list].filter((each) => each.title === title) : [];
      const state = same[taken[name] - 1];
      let ours = content.querySelector(":scope > [data-howdah]");
      if (state && !ours) {
        ours = make("div", "howdah-storage");
        ours.dataset.howdah = "card";
        content.append(ours);
      }
      if (state) draw(ours, state);
      else if (ours) ours.remove();
      if (!state && known.states) known.asked = Math.min(known.asked, Date.now() - IDLE + RUNNING); // one just made
      for (const part of [summary, sync]) part.style.display = state ? "none" : "";
    }
  }

  function ownPage(page) {
    for (const time of page.querySelectorAll("time:not([title])")) {
      time.title = time.textContent; // as the server told it
      time.textContent = when(time.dateTime);
    }
    for (const place of page.querySelectorAll("[data-howdah-storage]")) {
      const all = known.states ? [...known.states.sources, ...known.states.targets] : [];
      const state = all.find((each) => key(each) === place.dataset.howdahStorage);
      if (state) draw(place, state);
    }
    const list = page.querySelector("[data-howdah-exports]");
    if (list && known.states) drawExports(list, known.states.exports || []);
  }

  function drawExports(list, exports) {
    const drawn = JSON.stringify(exports);
    if (list.dataset.drawn === drawn) return;
    list.dataset.drawn = drawn;
    const table = make("table", "howdah-table");
    for (const each of exports) {
      const row = make("tr"), told = make("td", "", each.words), how = make("td"), does = make("td");
      if (each.status === "running") how.append(make("span", "", each.progress || "waiting"), make("progress"));
      else if (each.status === "done") how.append(make("span", "", each.result || "Done"));
      if (each.notice) how.append(make("p", each.status === "failed" ? "howdah-notice" : "howdah-hint", each.notice));
      if (each.download) {
        const file = link(each.download, "Download");
        file.download = "";
        does.append(file);
      }
      const drop = make("button", "howdah-plain", each.status === "running" ? "Cancel" : "Delete");
      Object.assign(drop.dataset, { howdahDo: "drop", howdahPath: each.delete });
      drop.type = "button";
      does.append(drop);
      row.append(told, how, does);
      table.append(row);
    }
    list.replaceChildren(...(exports.length ? [table] : []));
  }

  async function drop(pressed) {
    pressed.disabled = true;
    await ask(pressed.dataset.howdahPath, { method: "DELETE" }).catch(() => {});
    known.asked = 0;
  }

  async function submit(form) {
    const said = form.parentElement.querySelector("[data-howdah-said]"), asked = form.querySelector("button");
    const given = Object.fromEntries(new FormData(form));
    given.media = form.elements.media.checked;
    said.textContent = "";
    asked.disabled = true;
    try {
      await ask(form.dataset.howdahForm, { method: "POST", body: JSON.stringify(given) });
    } catch (error) {
      said.textContent = error.message;
    }
    asked.disabled = false;
    known.asked = 0;
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-howdah-form]")) return;
    event.preventDefault();
    submit(event.target);
  });

  // Links to our page: in the project's settings, and beside the button Settings of its tasks.
  function links(project) {
    const page = `${root}/howdah/projects/${project}/`;
    const menu = document.querySelector(`ul a[href="${root}/projects/${project}/settings/storage"]`);
    if (menu && !menu.closest("ul").querySelector("[data-howdah]")) {
      const item = menu.closest("li").cloneNode(false), ours = link(page, "Data and labels");
      ours.className = [...menu.classList].filter((name) => !/active/.test(name)).join(" ");
      item.dataset.howdah = "menu";
      item.append(ours);
      menu.closest("li").after(item);
    }
    const settings = document.querySelector(`[class*="context-item_right"] a[href="${root}/projects/${project}/settings"]`);
    if (settings && !settings.parentElement.querySelector("[data-howdah]")) {
      const ours = settings.cloneNode(false);
      ours.removeAttribute("tag");
      Object.assign(ours, { href: page, textContent: "Data and labels" });
      ours.dataset.howdah = "menu";
      ours.dataset.external = "true";
      settings.before(ours);
    }
  }

  // Beside the button that makes the first project, where there is none yet.
  function tryIt() {
    for (const create of document.querySelectorAll('button[aria-label="Create new project"]')) {
      if (create.closest('[class*="menu-header"]') || create.parentElement.querySelector("[data-howdah]")) continue;
      const ours = make("div", "howdah-try");
      ours.dataset.howdah = "try";
      const does = make("button", "howdah-button", "Try it with a demo project");
      does.type = "button";
      does.dataset.howdahDo = "demo";
      ours.append(does, make("p", "howdah-hint", "Drawn pictures in two versions, predictions and labels, in a few seconds."));
      create.after(ours);
    }
  }

  async function press(pressed) {
    const { howdahDo: does, howdahPath: path, howdahKey: name } = pressed.dataset;
    busy.set(name, { does, text: does === "cancel" ? "Cancelling …" : "" });
    pressed.disabled = true;
    known.asked = 0;
    try {
      await ask(path, { method: "POST", body: "{}" });
      busy.delete(name);
    } catch (error) {
      busy.set(name, { does, text: error.message, failed: true });
      setTimeout(() => busy.delete(name), 8000);
    }
    known.asked = 0;
    known.askedHeads = 0;
    known.heads = {};
  }

  async function demo(pressed) {
    const hint = pressed.parentElement.querySelector("p");
    pressed.disabled = true;
    hint.className = "howdah-hint";
    hint.textContent = "Drawing pictures, committing, syncing …";
    try {
      location.assign((await ask(`${root}/api/howdah/demo`, { method: "POST", body: "{}" })).url);
    } catch (error) {
      pressed.disabled = false;
      hint.className = "howdah-notice";
      hint.textContent = error.message;
    }
  }

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest ? event.target.closest("[data-howdah-do]") : null;
    if (!pressed || pressed.disabled) return;
    if (pressed.dataset.howdahDo === "demo") demo(pressed);
    else if (pressed.dataset.howdahDo === "drop") drop(pressed);
    else press(pressed);
  });

  function look() {
    const path = location.pathname.slice(root.length);
    const page = document.querySelector("[data-howdah-page]");
    const found = path.match(/^\/projects\/(\d+)\/(settings(?:\/(\w+))?|data)/);
    if (page) {
      if (page.querySelector("[data-howdah-storage]")) refresh(page.dataset.howdahPage);
      ownPage(page);
    } else if (found) {
      links(found[1]);
      if (found[3] === "storage") {
        refresh(found[1]);
        cards();
      }
    } else if (/^\/(projects\/?)?$/.test(path)) tryIt();
  }

  function lookOrStop() {
    try {
      look();
    } catch (error) {
      clearInterval(timer);
      console.warn("Howdah's additions to this page do not fit it:", error);
    }
  }

  const page = document.querySelector("[data-howdah-page]"), given = document.getElementById("howdah-states");
  if (page && given) Object.assign(known, { project: page.dataset.howdahPage, states: JSON.parse(given.textContent) });
  const timer = setInterval(lookOrStop, LOOK);
  lookOrStop();
})();
