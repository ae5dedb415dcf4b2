// Keeps the page up to date, and sends its forms without leaving it. Without this file both still work: the
// browser sends the forms itself, and shows the page as it is then.
"use strict";

const PAUSE = 1000;
const home = new URL(document.body.dataset.page, document.baseURI);
let latest = 0;

function openDetails() {
  return new Set([...document.querySelectorAll("details[open]")].map((each) => each.id));
}

// Takes over those parts of a newer page that are different, and keeps what the reader has opened and where they are.
function takeOver(text) {
  const newer = new DOMParser().parseFromString(text, "text/html");
  const opened = openDetails();
  for (const fresh of newer.querySelectorAll("[data-live]")) {
    for (const details of fresh.querySelectorAll("details")) {
      details.open = opened.has(details.id);
    }
    const old = document.getElementById(fresh.id);
    if (old === null || old.outerHTML === fresh.outerHTML) {
      continue;
    }
    const focus = old.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = [...old.querySelectorAll(".table")].map((each) => each.scrollLeft);
    old.replaceWith(document.importNode(fresh, true));
    const current = document.getElementById(fresh.id);
    current.querySelectorAll(".table").forEach((each, number) => {
      each.scrollLeft = scrolled[number] ?? 0;
    });
    if (focus !== "") {
      document.getElementById(focus)?.focus({ preventScroll: true });
    }
  }
  return newer;
}

async function look() {
  const mine = ++latest;
  const answer = await fetch(home, { headers: { Accept: "text/html" } });
  const text = await answer.text();
  // Whatever was asked for later is newer.
  if (answer.ok && mine === latest) {
    takeOver(text);
  }
}

async function watch() {
  for (;;) {
    await new Promise((wake) => setTimeout(wake, PAUSE));
    if (document.hidden) {
      continue;
    }
    try {
      await look();
      if (document.body.hasAttribute("data-lost")) {
        say("", true);
        document.body.removeAttribute("data-lost");
      }
    } catch {
      if (!document.body.hasAttribute("data-lost")) {
        say("The emulator doesn't answer any more.", false);
        document.body.setAttribute("data-lost", "");
      }
    }
  }
}

function say(words, wentWell) {
  const said = document.getElementById("said");
  said.className = wentWell ? "good" : "bad";
  said.textContent = words;
}

async function send(form) {
  const mine = ++latest;
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const text = await answer.text();
  if (mine === latest) {
    const newer = takeOver(text);
    const said = newer.getElementById("said");
    say(said === null ? "" : said.textContent, said !== null && said.className === "good");
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target).catch(() => say("The emulator doesn't answer.", false));
});

// A form about faults shows, and sends, what belongs to the chosen one.
function chooseFault() {
  const fault = document.getElementById("fault");
  for (const part of document.querySelectorAll("[data-kinds]")) {
    const fits = part.dataset.kinds.split(" ").includes(fault.value);
    part.hidden = !fits;
    for (const input of part.querySelectorAll("input")) {
      input.disabled = !fits;
    }
  }
}

document.getElementById("fault").addEventListener("change", chooseFault);
chooseFault();
watch();
