// The Noise of the published example, for the comparison.
import { exampleNoise, type NoiseMessages } from '../../examples/pea2pea/noise-handshake.ts'

export const noise: NoiseMessages = exampleNoise()
