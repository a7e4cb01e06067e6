// Keeps a page fresh while what it shows still changes, follows a log, and tells times in the reader's zone.
// Without it every page shows the same, once.
"use strict";

const REFRESH_MS = 1500;
const FOLLOW_MS = 1000;

function localTimes(root) {
  for (const element of root.querySelectorAll("time")) {
    const moment = new Date(element.dateTime);
    element.title = element.textContent;
    element.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const main = document.querySelector("main");
  const freshMain = fresh.querySelector("main");
  for (const open of main.querySelectorAll("details[open][id]")) {
    freshMain.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  localTimes(freshMain);
  main.replaceWith(document.adoptNode(freshMain));
  document.title = fresh.title;
}

async function keepFresh() {
  // A hidden tab asks for nothing, and a selection is not torn away from whoever is copying.
  const isBusy = document.hidden || String(getSelection()) !== "";
  try {
    if (!isBusy) await refresh();
  } catch {
    // The server is gone or restarting; the next turn asks again.
  }
  if (document.querySelector("main[data-live]")) setTimeout(keepFresh, REFRESH_MS);
}

async function readOn(log) {
  const answer = await fetch(`?cursor=${log.dataset.cursor}`);
  if (!answer.ok) return true;
  const text = await answer.text();
  const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 40;
  log.append(text);
  log.dataset.cursor = answer.headers.get("x-log-cursor");
  if (isAtEnd) log.scrollTop = log.scrollHeight;
  return text !== "" || answer.headers.get("x-log-live") === "1";
}

async function follow(log) {
  let goesOn = true;
  try {
    goesOn = await readOn(log);
  } catch {
    // As above.
  }
  document.querySelector("#follow").textContent = goesOn ? "following" : "ended";
  if (goesOn) setTimeout(follow, FOLLOW_MS, log);
}

localTimes(document);
if (document.querySelector("main[data-live]")) setTimeout(keepFresh, REFRESH_MS);
const log = document.querySelector("#log");
if (log) {
  log.scrollTop = log.scrollHeight;
  if ("follow" in log.dataset) setTimeout(follow, FOLLOW_MS, log);
}
