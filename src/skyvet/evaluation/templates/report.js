(function () {
  "use strict";
  var root = document.documentElement;
  var button = document.querySelector(".theme");
  var asked = /theme=(light|dark)/.exec(location.hash);
  function current() {
    if (root.dataset.theme) { return root.dataset.theme; }
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  function show() {
    button.textContent = current() === "dark" ? "Light page" : "Dark page";
  }
  if (asked) { root.dataset.theme = asked[1]; }
  button.hidden = false;
  button.addEventListener("click", function () {
    root.dataset.theme = current() === "dark" ? "light" : "dark";
    show();
  });
  show();
}());
