// Runs before the first paint (a classic script in <head>), so that the light theme never flashes dark.
try {
  if (localStorage.getItem("panops.theme") === "light") document.documentElement.dataset.theme = "light";
} catch {
  // Storage may be forbidden; the dark theme is the default.
}
