// Reads {patches: [{resource, operations}], filters: [{resource, filter}]} from
// standard input and answers, for each case, what each engine makes of it:
// {patches: [[a, b], ...], filters: [[a, b], ...]} with {value} or {error}.
import {createRequire} from "node:module";

const require = createRequire(import.meta.url);
const {scimPatch, patchBodyValidation} = require("scim-patch");
const {parse, filter: tester} = require("scim2-parse-filter");
const {default: SCIMMY} = await import("scimmy");

const message = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const User = SCIMMY.Schemas.User;
User.extend(SCIMMY.Schemas.EnterpriseUser, false);

const copy = v => JSON.parse(JSON.stringify(v));

async function attempt(work) {
    try {
        return {value: await work()};
    } catch (e) {
        return {error: String(e.scimType ?? e.name ?? "error")};
    }
}

function patchA({resource, operations}) {
    patchBodyValidation({schemas: [message], Operations: operations});
    return scimPatch(copy(resource), copy(operations));
}

async function patchB({resource, operations}) {
    const user = new User(copy(resource));
    const patched = await new SCIMMY.Messages.PatchOp({schemas: [message], Operations: copy(operations)}).apply(user);
    return copy(patched ?? user);
}

const filterA = ({resource, filter}) => tester(parse(filter))(copy(resource));
const filterB = ({resource, filter}) => new SCIMMY.Types.Filter(filter).match([copy(resource)]).length > 0;

let text = "";
for await (const chunk of process.stdin) text += chunk;
const {patches, filters} = JSON.parse(text);
const answers = {patches: [], filters: []};
for (const c of patches ?? []) answers.patches.push([await attempt(() => patchA(c)), await attempt(() => patchB(c))]);
for (const c of filters ?? []) answers.filters.push([await attempt(() => filterA(c)), await attempt(() => filterB(c))]);
process.stdout.write(JSON.stringify(answers));
