import { defineConfig } from "vite";

// Served by the edge below /app/ with a policy that forbids inline scripts and styles, so nothing is inlined.
export default defineConfig({
  base: "/app/",
  build: {
    outDir: "../edge/http/app",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
