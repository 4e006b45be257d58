import { defineConfig, type ViteUserConfig } from 'vitest/config'

// Tests against real peers: the published crates, coturn, tshark. Each suite says why it is skipped where its peer is absent.
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/interop/**/*.interop.ts'],
    exclude: ['test/interop/peers/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    disableConsoleIntercept: true,
    pool: 'forks',
    maxWorkers: 1,
  },
})

export default config
