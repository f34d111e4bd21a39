// Builds the pages into app/static, to be committed: the server hands them out as they are.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/graphiql/",
  build: {
    outDir: "../app/static/graphiql",
    emptyOutDir: true,
    sourcemap: false,
    license: { fileName: "licenses.md" },
    chunkSizeWarningLimit: 4000, // the editor; it is loaded once and cached
    assetsInlineLimit: 0, // data: addresses would need their own content security rule
  },
  worker: { format: "es" },
});
