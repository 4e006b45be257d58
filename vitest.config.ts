import { defineConfig, type ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/peers/**'],
    testTimeout: 20_000,
    disableConsoleIntercept: true,
    pool: 'forks',
    maxWorkers: 2,
  },
})

export default config
