// One client and one thing that goes wrong: does what the command line describes, and prints how it settled.

const task = JSON.parse(process.argv[2])
const { pull, build } = await import(`./failures-${task.client}.mjs`)
const heard = []
/** A client that hands over what the engine said calls it with every message of an error in there. */
const tell = (message) => heard.push(message)
let settled
try {
  await (task.folder ? build(task, tell) : pull(task, tell))
  settled = { kind: 'resolved' }
} catch (error) {
  settled = { kind: 'rejected', ...described(error) }
}
process.stdout.write(JSON.stringify({ ...settled, heard }))

function described(error) {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, code, statusCode, primaryCode } = error
  return { name, message, code, statusCode, primaryCode, attempts: error.attempts?.length }
}
