import { defineConfig, type ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/peers/**'],
    testTimeout: 20_000,
    disableConsoleIntercept: true,
    pool: 'forks',
    // Some tests wait for sockets: the third uses what they leave of two cores.
    maxWorkers: 3,
  },
})

export default config
