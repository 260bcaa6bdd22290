/** The to-do list: the example of a resource of one's own. Over HTTP at /todo/, live as /todo/ and /todo/<id>. */
import * as z from "zod"
import { resources } from "./resources.ts"
import { stored } from "./tools.ts"

const Attributes = z.looseObject({
  text: z.string().default(""),
  completed: z.boolean().default(false),
})

const Patch = z.strictObject({
  text: z.string().optional(),
  completed: z.boolean().optional(),
})

export const todos = resources
  .creator(
    "/todo/",
    async (_params, { text, completed }, { documents, uri, newId }) => {
      const todo = { id: newId(), text, completed }
      await documents.create(uri + todo.id, todo)
      return todo
    },
    Attributes,
  )
  .getter("/todo/", stored)
  .getter("/todo/:id", stored)
  .patcher("/todo/:id", (_params, patch, { documents, uri }) => documents.patch(uri, patch), Patch)
  .deleter("/todo/:id", (_params, { documents, uri }) => documents.remove(uri))
