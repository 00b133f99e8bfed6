/**
 * The three programs that can build an image, behind one interface. An engine that is installed but does not work (a docker client
 * without its engine) is found out by asking it, and passed over with its reason. `run` is given, so that the choice can be tested.
 */

/** @typedef {{ code: number, stdout: string, stderr: string }} Result @typedef {(command: string, args: string[], env?: object) => Result} Run */

/** `yak:dev` is `docker.io/library/yak:dev` to docker and to Kubernetes; podman and buildah would call it localhost/yak:dev. */
export function fullName(tag) {
  const [first, ...rest] = tag.split('/');
  const named = rest.length === 0 ? `docker.io/library/${tag}` : /[.:]|^localhost$/.test(first) ? tag : `docker.io/${tag}`;
  return /:[^/]*$/.test(named) ? named : `${named}:latest`;
}

const docker = {
  name: 'docker',
  probe: (run) => answer(run('docker', ['version', '--format', '{{.Server.Version}}'])),
  build: ({ tag, args, root }) => ['docker', ['build', ...buildArgs(args), '--tag', tag, root]],
  /** docker 25 and newer write an archive that is both: docker's and OCI. */
  save: ({ tag, file }) => ['docker', ['save', '--output', file, tag]],
  size: (run, tag) => megabytes(run('docker', ['image', 'inspect', '--format', '{{.Size}}', tag])),
};

const podman = {
  name: 'podman',
  probe: (run) => answer(run('podman', ['info', '--format', '{{.Version.Version}}'])),
  build: ({ tag, args, root }) => ['podman', ['build', ...buildArgs(args), '--tag', fullName(tag), root]],
  save: ({ tag, file }) => ['podman', ['save', '--quiet', '--format', 'oci-archive', '--output', file, fullName(tag)]],
  size: (run, tag) => megabytes(run('podman', ['image', 'inspect', '--format', '{{.Size}}', fullName(tag)])),
};

/** Needs no daemon and, with both FROM images in its store (tools/k8s/base-images), no registry. */
const buildah = {
  name: 'buildah',
  probe(run, { baseImage, buildImage }) {
    const version = answer(run('buildah', ['version']));
    if (!version.works) return version;
    // Stand-ins are in the vfs store: the only one that works everywhere, inside containers too.
    const hasStandIns = (env) =>
      [baseImage, buildImage].every((name) => run('buildah', ['inspect', '--type', 'image', name], env).code === 0);
    const stores = process.env.STORAGE_DRIVER ? [{}] : [{}, { STORAGE_DRIVER: 'vfs' }];
    const local = stores.find(hasStandIns);
    // Without a cache of layers: the vfs store keeps a whole copy of the file system for each. By force: also after a failed build.
    if (local) return { works: true, env: local, flags: ['--pull-never', '--no-cache', '--force-rm'] };
    const usable = stores.find((env) => run('buildah', ['images'], env).code === 0);
    if (!usable) return { works: false, reason: `its store does not open: ${lastLine(run('buildah', ['images'], stores.at(-1)).stderr)}` };
    return { works: true, env: usable, flags: ['--layers', '--force-rm'] };
  },
  build({ tag, args, root, probe }) {
    const flags = [...probe.flags, '--isolation', 'chroot', ...buildArgs(args)];
    return ['buildah', ['build', ...flags, '--tag', fullName(tag), root], probe.env];
  },
  /** buildah keeps what a name stood for before, without a name, for ever. */
  idOf: (run, tag, probe) => run('buildah', ['images', '--quiet', '--no-trunc', fullName(tag)], probe.env).stdout.trim(),
  forget: (run, id, probe) => run('buildah', ['rmi', id], probe.env),
  save: ({ tag, file, probe }) => ['buildah', ['push', '--quiet', fullName(tag), `oci-archive:${file}:${fullName(tag)}`], probe.env],
  size(run, tag, probe) {
    const { code, stdout } = run('buildah', ['images', '--format', '{{.Size}}', fullName(tag)], probe.env);
    return code === 0 ? stdout.trim().split('\n')[0] : undefined;
  },
};

export const ENGINES = [docker, podman, buildah];

/**
 * The first engine that works, or only the one that is asked for.
 * @param {Run} run @returns {{ engine?: object, probe?: object, passedOver: string[] }} the reasons why others were not taken
 */
export function chooseEngine(run, { engine: only, baseImage, buildImage }) {
  const passedOver = [];
  for (const engine of ENGINES) {
    if (only && engine.name !== only) continue;
    const probe = engine.probe(run, { baseImage, buildImage });
    if (probe.works) return { engine, probe, passedOver };
    passedOver.push(`${engine.name}: ${probe.reason}`);
  }
  return { passedOver };
}

function answer({ code, stdout, stderr }) {
  if (code === 0) return { works: true };
  return { works: false, reason: lastLine(stderr) || lastLine(stdout) || `exit code ${code}` };
}

function lastLine(text) {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}

function buildArgs(args) {
  return Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
}

function megabytes({ code, stdout }) {
  return code === 0 ? `${Math.round(Number(stdout) / 1_000_000)} MB` : undefined;
}
