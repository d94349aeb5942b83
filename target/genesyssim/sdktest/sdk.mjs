// What a program does that uses the official SDK, against the organization at
// the URL in argv. It is the program that is unusual, not the SDK: nothing of
// the SDK is replaced, only its gateway setting names another host. It rejects
// with the body of an error, whose status is a text in SCIM's own envelope.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

const sdk = createRequire(import.meta.url)('purecloud-platform-client-v2')
const url = new URL(process.argv[2])
const client = sdk.ApiClient.instance
client.config.live_reload_config = false
client.setGateway({ protocol: url.protocol.slice(0, -1), host: url.hostname, port: Number(url.port) })

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const patch = (...Operations) => ({ schemas: [patchOp], Operations })

await assert.rejects(client.loginClientCredentialsGrant('demo', 'wrong'), /authentication failed|401/)
const auth = await client.loginClientCredentialsGrant('demo', 'demo-secret')
assert.equal(auth.accessToken.length, 86)

const scim = new sdk.SCIMApi()

const config = await scim.getScimV2Serviceproviderconfig()
assert.equal(config.patch.supported, true)
const schemas = await scim.getScimV2Schemas()
assert.ok(schemas.Resources.some((s) => s.id === enterprise))

const first = await scim.getScimV2Users({ count: 10, startIndex: 11, excludedAttributes: ['externalId', 'roles'] })
assert.equal(first.Resources.length, 10)
assert.equal(first.Resources[0].roles, undefined)
assert.ok(first.totalResults >= 90)

const created = await scim.postScimV2Users({
  userName: 'grace@example.com', displayName: 'Grace Hopper', title: 'Admiral', externalId: 'H-1',
  roles: [{ value: 'Sales Agent' }], [enterprise]: { department: 'IT', manager: { value: first.Resources[0].id } },
})
assert.equal(created.meta.version, '1')
assert.deepEqual(created.roles.map((r) => r.value).sort(), ['Sales Agent', 'employee'])

await assert.rejects(
  scim.postScimV2Users({ userName: 'GRACE@example.com', displayName: 'Grace' }),
  (e) => e.status === '409' && e.scimType === 'uniqueness',
)

const found = await scim.getScimV2Users({ filter: 'userName eq grace@example.com' })
assert.equal(found.Resources[0].id, created.id)

const patched = await scim.patchScimV2User(
  created.id, patch({ op: 'replace', path: 'title', value: 'Rear Admiral' }), { ifMatch: '"1"' },
)
assert.equal(patched.title, 'Rear Admiral')
assert.equal(patched.meta.version, '2')
await assert.rejects(
  scim.patchScimV2User(created.id, patch({ op: 'replace', path: 'title', value: 'x' }), { ifMatch: '"1"' }),
  (e) => e.status === '400' && e.scimType === 'invalidVers',
)
const put = await scim.putScimV2User(created.id, { ...patched, displayName: 'Grace M. Hopper' })
assert.equal(put.displayName, 'Grace M. Hopper')

const groups = await scim.getScimV2Groups('displayName eq "Tool Design"', { excludedAttributes: ['members'] })
const group = groups.Resources[0]
assert.equal(group.members, undefined)
await scim.patchScimV2Group(group.id, patch({ op: 'add', path: 'members', value: [{ value: created.id }] }))
assert.ok((await scim.getScimV2Group(group.id)).members.some((m) => m.value === created.id))
await scim.patchScimV2Group(group.id, patch({ op: 'remove', path: `members[value eq "${created.id}"]` }))
assert.ok(!(await scim.getScimV2Group(group.id)).members.some((m) => m.value === created.id))

await scim.deleteScimV2User(created.id)
await assert.rejects(scim.getScimV2User(created.id), (e) => e.status === 404 && e.code === 'not.found')

const users = new sdk.UsersApi()
const deleted = await users.getUser(created.id, { state: 'deleted' })
assert.equal(deleted.state, 'deleted')
const restored = await users.patchUser(created.id, { version: deleted.version, state: 'active' })
assert.equal(restored.state, 'active')

const authorization = new sdk.AuthorizationApi()
const roles = await authorization.getAuthorizationRoles({ pageSize: 50 })
const agent = roles.entities.find((r) => r.name === 'Sales Agent')
const divisions = await authorization.getAuthorizationDivisions()
await authorization.postAuthorizationSubjectBulkadd(created.id, { grants: [{ roleId: agent.id, divisionId: divisions.entities[1].id }] })
const subject = await authorization.getAuthorizationSubject(created.id)
assert.deepEqual(subject.grants.map((g) => [g.role.name, g.division.name]), [['Sales Agent', 'EMEA']])

const routing = new sdk.RoutingApi()
assert.deepEqual((await routing.getRoutingSkills()).entities.map((s) => s.name), ['Billing', 'Spanish'])
assert.deepEqual((await routing.getRoutingLanguages()).entities.map((s) => s.name), ['English', 'Deutsch'])

const me = await new sdk.TokensApi().getTokensMe()
assert.equal(me.OAuthClient.id, 'demo')
await new sdk.TokensApi().deleteTokensMe()
await assert.rejects(scim.getScimV2User(created.id), (e) => e.status === 401 && e.code === 'bad.credentials')
console.log('the SDK is content')
