// Shows what Ensue pushes, and opens where it leads. In the service worker of your site:
//   importScripts("https://<your Ensue>/push/sw.js")
(() => {
  "use strict";

  const targetOf = (url) => {
    try {
      const target = new URL(url, self.location.origin);
      return target.protocol === "https:" || target.protocol === "http:" ? target.href : null;
    } catch {
      return null;
    }
  };

  self.addEventListener("push", (event) => {
    let message;
    try {
      message = event.data.json();
    } catch {
      return; // Of somebody else.
    }
    if (typeof message.id !== "string" || !message.id.startsWith("msg_")) return;
    // The tag lets a repetition take the place of what is shown already.
    const options = { body: message.body || "", tag: message.id, data: { ensue: { url: message.url || null } } };
    event.waitUntil(self.registration.showNotification(message.title || "", options));
  });

  self.addEventListener("notificationclick", (event) => {
    const ours = event.notification.data && event.notification.data.ensue;
    if (!ours) return;
    event.notification.close();
    const target = ours.url && targetOf(ours.url);
    if (target) event.waitUntil(self.clients.openWindow(target));
  });
})();
