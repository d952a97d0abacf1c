(function (d, f) {
  "use strict";
  var script = d.currentScript, url = script.src.replace(/\/embed\.js.*$/, "/submit"), faults = {};
  function add(parent, tag, attributes, text) {
    var e = d.createElement(tag), k;
    for (k in attributes) if (attributes[k]) e.setAttribute(k, attributes[k]);
    if (text) e.textContent = text;
    parent.appendChild(e);
    return e;
  }
  var form = d.createElement("form"), id = "ensue-" + f.id + "-";
  form.className = "ensue-form";
  form.method = "post";
  form.action = url;
  f.fields.forEach(function (q) {
    var hidden = q.type === "hidden", box = hidden ? form : add(form, "p", { "class": "ensue-field" }), e;
    var a = { id: id + q.key, name: q.key, required: q.required && "required" };
    function label() {
      add(box, "label", { "for": a.id }, q.label);
    }
    if (!hidden && q.type !== "checkbox") label();
    if (q.type === "select") {
      e = add(box, "select", a);
      [""].concat(q.options).forEach(function (o) {
        e.add(new Option(o, o, false, o === q.default));
      });
    } else {
      if (q.type !== "textarea") a.type = q.type;
      if (q.type === "number") a.step = "any";
      e = add(box, q.type === "textarea" ? "textarea" : "input", a);
      if (q.type === "checkbox") e.checked = q.ticked;
      else if (q.default) e.value = q.default;
    }
    if (q.type === "checkbox") label();
    if (hidden) return;
    if (q.hint) add(box, "small", {}, q.hint);
    faults[q.key] = add(box, "span", { "class": "ensue-fault", id: a.id + "-fault" });
    e.setAttribute("aria-describedby", a.id + "-fault");
  });
  var trap = add(form, "input", { name: "_homepage", tabindex: "-1", autocomplete: "off", "aria-hidden": "true" });
  trap.style.cssText = "position:absolute;left:-9999px";
  var button = add(form, "button", { type: "submit" }, f.submitLabel), note = add(form, "p", { role: "status" });
  form.onsubmit = function (event) {
    event.preventDefault();
    var sent = new URLSearchParams(new FormData(form)), asked = new URLSearchParams(location.search), k;
    var own = { token: f.token, sessionId: script.dataset.session, pageUrl: location.href, referrer: d.referrer };
    ["Source", "Medium", "Campaign"].forEach(function (name) {
      own["utm" + name] = asked.get("utm_" + name.toLowerCase());
    });
    for (k in own) if (own[k]) sent.set("_" + k, own[k].slice(0, 2048));
    for (k in faults) faults[k].textContent = "";
    button.disabled = true;
    note.textContent = "";
    fetch(url, { method: "POST", body: sent, headers: { accept: "application/json" }, credentials: "omit" })
      .then(function (r) {
        return r.json();
      })
      .then(function (r) {
        if (r.redirectUrl) return location.assign(r.redirectUrl);
        if (r.message) return form.replaceWith(add(d.createElement("div"), "p", { role: "status" }, r.message));
        r.error.details.forEach(function (x) {
          if (faults[x.path]) faults[x.path].textContent = x.message;
          else note.textContent = x.message;
        });
        if (!r.error.details.length) note.textContent = r.error.message;
      })
      .catch(function () {
        note.textContent = f.failed;
      })
      .then(function () {
        button.disabled = false;
      });
  };
  script.parentNode.insertBefore(form, script.nextSibling);
})(document, FORM);
