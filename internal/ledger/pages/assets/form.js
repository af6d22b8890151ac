// A form in which visitors agree, for a page of a shop:
//   <div id="newsletter"></div>
//   <script src="https://consent.example/form.js" data-touchpoint="shop/newsletter" data-into="#newsletter" data-lang="en" defer></script>
// It asks the ledger for the wording, sets no cookies, stores nothing, and brings neither styles nor other scripts.
(() => {
  "use strict";
  const script = document.currentScript;
  const base = new URL(script.src).origin;
  const touchpoint = script.dataset.touchpoint;
  const lang = script.dataset.lang || document.documentElement.lang.slice(0, 2) || "en";
  const api = base + "/v1/forms/" + touchpoint.split("/").map(encodeURIComponent).join("/");
  const id = "optup-" + touchpoint.replace(/[^a-z0-9]+/gi, "-");

  // make gives an element with attributes and children. Words are always text, never markup.
  const make = (name, attributes, ...children) => {
    const e = document.createElement(name);
    for (const [k, v] of Object.entries(attributes || {})) {
      if (v !== undefined && v !== false) e.setAttribute(k, v === true ? "" : v);
    }
    e.append(...children);
    return e;
  };

  const build = (form, place) => {
    const w = form.words;
    const status = make("p", { id: id + "-status", class: "optup-status", role: "status", "aria-live": "polite" });
    const address = make("input", {
      id: id + "-address", class: "optup-address", name: "address", type: "email", autocomplete: "email", maxlength: 254,
      required: true, "aria-describedby": id + "-address-wrong",
    });
    const wrongAddress = make("p", { id: id + "-address-wrong", class: "optup-wrong" });
    const wrongBoxes = make("p", { id: id + "-boxes-wrong", class: "optup-wrong" });
    const boxes = [];
    const questions = form.questions.map((q, i) => {
      const set = make("fieldset", { class: "optup-question" }, make("legend", {}, w["form.question"]),
        make("blockquote", { class: "optup-wording", lang: q.text.language }, q.text.text));
      q.purposes.forEach((p, j) => {
        const about = id + "-about-" + i + "-" + j;
        const box = make("input", { type: "checkbox", id: id + "-box-" + i + "-" + j, "aria-describedby": (p.description ? about + " " : "") + id + "-boxes-wrong" });
        boxes.push({ box, given: { purpose: p.purpose, notice: q.notice } });
        set.append(make("p", { class: "optup-box" }, box, " ", make("label", { for: box.id, lang: p.title.language }, p.title.text)));
        if (p.description) set.append(make("p", { id: about, class: "optup-about", lang: p.description.language }, p.description.text));
      });
      return set;
    });
    const button = make("button", { type: "submit", class: "optup-send" }, w["form.button"]);
    const element = make("form", { class: "optup-form", novalidate: true, lang: form.language, "aria-labelledby": id + "-what" },
      make("p", { id: id + "-what" }, w["form.what"]),
      make("p", {}, make("label", { for: address.id }, w.address), " ", address), wrongAddress,
      ...questions, wrongBoxes, make("p", { class: "optup-hint" }, w["form.hint"]), make("p", {}, button), status);

    element.addEventListener("submit", async (event) => {
      event.preventDefault();
      const given = boxes.filter((b) => b.box.checked).map((b) => b.given);
      const noAddress = !address.value.trim() || !address.checkValidity();
      wrongAddress.textContent = noAddress ? w["address.wrong"] : "";
      wrongBoxes.textContent = given.length ? "" : w["boxes.wrong"];
      address.toggleAttribute("aria-invalid", false);
      if (noAddress) address.setAttribute("aria-invalid", "true");
      if (noAddress) return address.focus();
      if (!given.length) return boxes[0].box.focus();
      if (button.getAttribute("aria-disabled")) return;
      button.setAttribute("aria-disabled", "true");
      status.textContent = w["form.wait"];
      let code = 0;
      try {
        const answer = await fetch(api, {
          method: "POST", credentials: "omit", referrerPolicy: "no-referrer", headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ address: address.value.trim(), language: form.language, given }),
        });
        code = answer.status;
      } catch {
        // the status below says so
      }
      button.removeAttribute("aria-disabled");
      if (code === 202) {
        const done = make("p", { class: "optup-status", role: "status", tabindex: -1 }, w["done.answered.what"]);
        element.replaceWith(done);
        done.focus();
        return;
      }
      if (code === 422) {
        wrongAddress.textContent = w["address.wrong"];
        address.focus();
      }
      status.textContent = code === 422 ? "" : w["form.failed"];
    });
    place.append(element);
  };

  const start = async () => {
    const place = script.dataset.into ? document.querySelector(script.dataset.into) : script.parentNode.insertBefore(make("div"), script);
    if (!place) return;
    const answer = await fetch(api + "?lang=" + encodeURIComponent(lang), { credentials: "omit", referrerPolicy: "no-referrer" });
    // What stands in its place, such as a link to the ledger's own page, stays where the form cannot be had.
    if (!answer.ok) return;
    const form = await answer.json();
    place.textContent = "";
    build(form, place);
  };
  start().catch(() => {});
})();
