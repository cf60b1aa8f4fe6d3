/** Line icons, drawn on a grid of 24. They only accompany words, so that they are hidden from screen readers. */

const CORNERS =
  "M4 9V6.5A2.5 2.5 0 0 1 6.5 4H9M15 4h2.500A2.5 2.5 0 0 1 20 6.500V9M20 15v2.500a2.5 2.5 0 0 1-2.5 2.500H15M9 20H6.500A2.5 2.5 0 0 1 4 17.500V15";

const PATHS = {
  recognise: `${CORNERS}M9 14.500c1.6 2 4.4 2 6 0M9.5 9.500v.5M14.5 9.500v.5`,
  enroll: "M9.5 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM3 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M18.5 8v6M15.5 11h6",
  people:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6M15.5 4.300a3.5 3.5 0 0 1 0 6.400M17.5 14.400c2.4.7 4 2.8 4 5.6",
  inspect: "M12 3 3 7.500l9 4.5 9-4.500L12 3ZM3 12l9 4.5 9-4.500M3 16.5 12 21l9-4.5",
  camera:
    "M4 8h3l1.5-2.500h7L17 8h3a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1ZM12 16.500a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z",
  stop: "M7 7h10v10H7Z",
  swap: "M4 9a8 8 0 0 1 14-3l2 2M20 3v5h-5M20 15a8 8 0 0 1-14 3l-2-2M4 21v-5h5",
  picture: "M4 5h16v14H4ZM4 16l4.5-4.500L13 16l2.5-2.500L20 17M15.5 9.500v.1",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.5 15.5 21 21",
  pen: "M4 20h4L19 9l-4-4L4 16v4ZM13 7l4 4",
  merge: "M6 4v4c0 4 6 4 6 8v4M18 4v4c0 4-6 4-6 8M9 17l3 3 3-3",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.5 10 17.5 19.5 7",
  warn: "M12 4 2.5 20h19L12 4ZM12 10v4.500M12 17.300v.1",
  unknown: "M9 9.200a3 3 0 1 1 4.6 2.500c-1 .7-1.6 1.3-1.6 2.500M12 17.500v.1",
  looking: "M6 12v.1M12 12v.1M18 12v.1",
  out: "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
  back: "M15 5l-7 7 7 7",
  left: "M20 12H4M10 6l-6 6 6 6",
  right: "M4 12h16M14 6l6 6-6 6",
  up: "M12 20V4M6 10l6-6 6 6",
  down: "M12 4v16M6 14l6 6 6-6",
  save: "M12 4v11M7 10.500l5 5 5-5M5 20h14",
  lock: "M6 11h12v9H6ZM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  offline: "M3 3l18 18M8.5 15.500a5 5 0 0 1 7 0M5 12a10 10 0 0 1 4-2.400M19 12a10 10 0 0 0-6-2.900M12 19v.1",
  wait: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5l3 2",
};

const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24",
    class: `icon icon-${name}`,
    "aria-hidden": "true",
  })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
