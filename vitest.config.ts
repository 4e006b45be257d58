import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/peers/**'],
    testTimeout: 20_000,
    disableConsoleIntercept: true,
    pool: 'forks',
    maxWorkers: 2,
  },
})
