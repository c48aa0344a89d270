// A menu closes when something else is wanted.

export const closeOutside = (menu) => {
  document.addEventListener("click", ({target}) => {
    if (!menu.contains(target)) menu.open = false;
  });
  menu.addEventListener("keydown", ({key}) => {
    if (key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
};
