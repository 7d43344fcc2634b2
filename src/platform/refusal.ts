/** Why a command will not go on: a sentence for the person who typed it, shown without a stack. */
export class Refusal extends Error {
  override name = 'Refusal'
}
