// What a page can do beyond its markup. Every page works without it.
(() => {
  "use strict";

  const lang = document.documentElement.lang;
  const all = (selector, root = document) => root.querySelectorAll(selector);
  const one = (selector, root = document) => root.querySelector(selector);

  // After a form came back: straight to what has to be read first. Older browsers know `autofocus` on fields alone.
  one("[autofocus]")?.focus();

  // Show or hide a password.
  for (const button of all("[data-reveal]")) {
    const input = document.getElementById(button.dataset.reveal);
    const show = (visible) => {
      input.type = visible ? "text" : "password";
      button.textContent = visible ? button.dataset.hide : button.dataset.show;
      button.setAttribute("aria-label", visible ? button.dataset.labelHide : button.dataset.labelShow);
    };
    button.hidden = false;
    button.addEventListener("click", () => show(input.type === "password"));
    // Browsers remember what was typed into a text field, so it leaves as a password.
    input.form.addEventListener("submit", () => show(false));
  }

  // A form is sent once.
  for (const form of all("form[data-once]")) {
    const button = one("[type=submit]", form);
    const label = button.textContent;
    form.addEventListener("submit", (event) => {
      if (button.getAttribute("aria-disabled")) return event.preventDefault();
      button.setAttribute("aria-disabled", "true");
      button.textContent = form.dataset.once;
    });
    // Back from the page that followed, the form may be sent again.
    addEventListener("pageshow", () => {
      button.removeAttribute("aria-disabled");
      button.textContent = label;
    });
  }

  // Instants in the visitor's own time zone, and as the visitor's region writes them.
  const region = navigator.languages.find((own) => own.split("-")[0] === lang.split("-")[0]) ?? lang;
  const timeOnly = new Intl.DateTimeFormat(region, { timeStyle: "medium" });
  const dateAndTime = new Intl.DateTimeFormat(region, { dateStyle: "medium", timeStyle: "medium" });
  const localize = (root) => {
    for (const time of all("time:not([data-countdown], [title])", root)) {
      const instant = new Date(time.dateTime);
      const sameDay = instant.toDateString() === new Date().toDateString();
      const format = sameDay && time.closest(".timeline") ? timeOnly : dateAndTime;
      time.title = time.textContent;
      time.textContent = format.format(instant);
    }
  };

  // Countdowns: the words beside a waiting job, and the ring around its mark.
  const jobs = document.getElementById("jobs");
  const ahead = jobs?.dataset.now ? new Date(jobs.dataset.now) - Date.now() : 0;
  const relative = new Intl.RelativeTimeFormat(lang);
  const firstSeen = new Map();
  const remaining = (instant) => (new Date(instant) - Date.now() - ahead) / 1000;
  const inWords = (seconds) =>
    seconds < 90 ? relative.format(seconds, "second")
    : seconds < 5400 ? relative.format(Math.round(seconds / 60), "minute")
    : seconds < 129600 ? relative.format(Math.round(seconds / 3600), "hour")
    : relative.format(Math.round(seconds / 86400), "day");
  const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const tick = () => {
    for (const time of all("time[data-countdown]")) {
      const seconds = Math.ceil(remaining(time.dateTime));
      time.title ||= time.textContent;
      setText(time, seconds > 0 ? inWords(seconds) : time.dataset.countdown);
    }
    for (const ring of all(".ring-fill[data-until]")) {
      const seconds = Math.max(0, remaining(ring.dataset.until));
      if (!firstSeen.has(ring.dataset.until)) firstSeen.set(ring.dataset.until, seconds);
      const share = 100 * seconds / (firstSeen.get(ring.dataset.until) || 1);
      if (share > 0) ring.setAttribute("stroke-dasharray", `${share} 100`);
      else ring.removeAttribute("stroke-dasharray");
    }
  };

  // Makes `now` like `then` and touches only what differs, so that focus and running transitions survive.
  const morph = (now, then) => {
    if (now.isEqualNode(then)) return;
    if (now.nodeName !== then.nodeName) return now.replaceWith(then);
    if (now.nodeType !== Node.ELEMENT_NODE) { now.nodeValue = then.nodeValue; return; }
    for (const { name } of [...now.attributes]) if (!then.hasAttribute(name)) now.removeAttribute(name);
    for (const { name, value } of then.attributes) {
      if (now.getAttribute(name) !== value) now.setAttribute(name, value);
    }
    const wanted = [...then.childNodes];
    const present = [...now.childNodes];
    wanted.forEach((node, i) => (present[i] ? morph(present[i], node) : now.append(node)));
    present.slice(wanted.length).forEach((node) => node.remove());
  };

  const stateOf = (job) => job.dataset.state;
  const listed = () => new Map([...all("[data-job]", jobs)].map((job) => [job.dataset.job, stateOf(job)]));
  const announce = (before) => {
    const news = [...all("[data-job]", jobs)].filter((job) => before.get(job.dataset.job) !== stateOf(job));
    if (!news.length) return;
    for (const job of news) job.classList.add("is-new");
    // Added below what was said before, which may not have been read out yet.
    const line = document.createElement("p");
    line.textContent = news
      .map((job) => `${one("h3", job).textContent}: ${one(".badge", job).textContent}.`)
      .join(" ");
    one("[data-announce]").append(line);
  };

  // Live updates: `jobs` brings the list as HTML, `end` says that nothing more will come.
  const follow = (url, ended) => {
    const live = one("[data-live]");
    let last = "";
    let stream;
    const opened = () => {
      live.hidden = false;
      live.classList.remove("is-off");
    };
    const changed = (event) => {
      if (event.data === last) return;
      last = event.data;
      const before = listed();
      const fresh = document.createElement("template");
      fresh.innerHTML = event.data;
      localize(fresh.content);
      const list = one(".timeline", jobs);
      const newList = one(".timeline", fresh.content);
      if (list && newList) morph(list, newList);
      else jobs.replaceChildren(fresh.content);
      tick();
      announce(before);
    };
    const end = () => {
      document.removeEventListener("visibilitychange", look);
      stream.close();
      live.hidden = true;
      const finale = one("[data-finale]");
      if (finale) finale.hidden = false;
      ended();
    };
    const lost = () => {
      live.classList.add("is-off");
      // The browser tries again by itself after a lost connection, but not after a refusal.
      if (stream.readyState === EventSource.CLOSED) setTimeout(look, 5000);
    };
    // A page that nobody sees lets go: to one site a browser has six connections, for all of its tabs.
    const look = () => {
      stream?.close();
      if (document.hidden) return;
      stream = new EventSource(url);
      stream.addEventListener("open", opened);
      stream.addEventListener("jobs", changed);
      stream.addEventListener("end", end);
      stream.addEventListener("error", lost);
    };
    document.addEventListener("visibilitychange", look);
    look();
  };

  localize(document);
  if (jobs) {
    tick();
    const { events } = jobs.dataset;
    if (events) {
      const ticking = setInterval(tick, 250);
      follow(events, () => clearInterval(ticking));
    }
  }
})();
