// The Noise of the published example, for the comparison.
import { type NoiseLayer, noise } from '../../runtime/service/node/index.ts'

export const layer: NoiseLayer = noise({
  protocol: 'Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s',
  psks: [Buffer.from('I dont care for codes of conduct')],
})
