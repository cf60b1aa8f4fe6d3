"use strict";
const root = document.documentElement;
const buttons = [...document.querySelectorAll("[data-set]")];
for (const image of document.querySelectorAll("img[data-alt-zh]")) image.dataset.altEn = image.alt;

function speak(language) {
  root.lang = language;
  root.dataset.lang = language;
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.set === language));
  const key = language === "zh" ? "altZh" : "altEn";
  for (const image of document.querySelectorAll("img[data-alt-zh]")) image.alt = image.dataset[key];
}

for (const button of buttons) button.addEventListener("click", () => speak(button.dataset.set));
if (navigator.language.toLowerCase().startsWith("zh")) speak("zh");
