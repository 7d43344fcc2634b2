import { Elysia, t } from 'elysia'
import { AppError } from '../errors.ts'
import { answer, type Prepared, prepare, requestIdOf } from '../platform/answer.ts'
import { noQuery } from '../platform/fields.ts'
import { operation } from '../platform/operation.ts'

/**
 * `GET /openapi.json`, and `GET /docs`, a page of Swagger UI whose files come from its package: it works without
 * the internet, where the page of @elysiajs/openapi loads its scripts from a CDN.
 */
export function docsRoutes({ openApi }: { openApi: () => Promise<object> }) {
  let document: Promise<Prepared> | undefined

  return new Elysia({ name: 'docs' })
    .get(
      '/openapi.json',
      async ({ request }) => {
        document ??= openApi().then(documentOf)
        return answer(requestIdOf(request), await document)
      },
      {
        query: noQuery,
        detail: operation({
          access: 'public',
          tags: ['Operations'],
          summary: 'Read this document',
          description: 'OpenAPI 3.1, made from the routes: what is not in it is not answered.',
          answers: { 200: { example: { openapi: '3.1.0', info: { title: 'Onsale' } } } },
        }),
      },
    )
    .get('/docs', ({ request }) => answer(requestIdOf(request), page), {
      query: noQuery,
      detail: operation({
        access: 'public',
        tags: ['Operations'],
        summary: 'Read the documentation in a browser',
        description:
          'A page that shows this document and can send requests. It loads nothing from elsewhere.',
        answers: { 200: { contentType: 'text/html; charset=utf-8', example: '<!doctype html>…' } },
      }),
    })
    .get('/docs/assets/:file', ({ request, params: { file } }) => asset(request, file), {
      params: t.Object({ file: t.String({ examples: ['swagger-ui.css'] }) }),
      query: noQuery,
      detail: operation({
        access: 'public',
        tags: ['Operations'],
        summary: 'Read a file of the documentation page',
        description: 'Scripts and styles of Swagger UI, as its package has them.',
        answers: { 200: { contentType: '*/*', example: '.swagger-ui{}' } },
        errors: ['not_found'],
      }),
    })
}

function documentOf(openApi: object): Prepared {
  return prepare({
    headers: { 'content-type': 'application/json', 'cache-control': 'public, max-age=60' },
    body: JSON.stringify(openApi),
  })
}

/** The only files that are served: name -> media type and where it is. */
const assets: Record<string, { type: string; file: () => Blob }> = {
  'start.js': { type: 'text/javascript; charset=utf-8', file: () => new Blob([startScript]) },
  'swagger-ui-bundle.js': {
    type: 'text/javascript; charset=utf-8',
    file: () => packaged('swagger-ui-bundle.js'),
  },
  'swagger-ui.css': { type: 'text/css; charset=utf-8', file: () => packaged('swagger-ui.css') },
  'favicon-32x32.png': { type: 'image/png', file: () => packaged('favicon-32x32.png') },
}

function packaged(name: string): Blob {
  return Bun.file(Bun.resolveSync(`swagger-ui-dist/${name}`, import.meta.dir))
}

function asset(request: Request, name: string): Response {
  const known = Object.hasOwn(assets, name) ? assets[name] : undefined
  if (known === undefined) throw new AppError('not_found', `The documentation page has no file "${name}"`)
  const headers = { 'content-type': known.type, 'cache-control': 'public, max-age=3600' }
  return answer(requestIdOf(request), prepare({ headers, body: known.file() }))
}

const page = prepare({
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'public, max-age=60',
    // Swagger UI sets styles inline and draws its icons from data.
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  },
  body: `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Onsale API</title>
  <link rel="stylesheet" href="/docs/assets/swagger-ui.css">
  <link rel="icon" href="/docs/assets/favicon-32x32.png">
</head>
<body>
  <div id="docs"></div>
  <script src="/docs/assets/swagger-ui-bundle.js"></script>
  <script src="/docs/assets/start.js"></script>
</body>
</html>
`,
})

const startScript = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, displayRequestDuration: true })\n`
