"""mkimage.py OUT.tar NAME ENTRYPOINT_JSON ROOT_FOLDER [USER] [ARCHITECTURE]: packs a folder as an OCI archive of one layer.

NAME is fully qualified (localhost/pause:1). The same folder gives the same bytes: no times, no owners.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

OCI = 'application/vnd.oci.image.'
PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def without_chance(info):
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ''
    return info


def described(kind, data, **more):
    return {'mediaType': OCI + kind, 'digest': digest(data), 'size': len(data), **more}


def main(out, name, entrypoint, root, user='', architecture='amd64'):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as layer:
        for entry in sorted(os.listdir(root)):
            layer.add(os.path.join(root, entry), arcname=entry, filter=without_chance)
    plain = buffer.getvalue()
    packed = gzip.compress(plain, 6, mtime=0)
    config = json.dumps({
        'architecture': architecture,
        'os': 'linux',
        'config': {'Entrypoint': json.loads(entrypoint), 'User': user, 'Env': [PATH]},
        'rootfs': {'type': 'layers', 'diff_ids': [digest(plain)]},
        'history': [],
    }).encode()
    manifest = json.dumps({
        'schemaVersion': 2,
        'mediaType': OCI + 'manifest.v1+json',
        'config': described('config.v1+json', config),
        'layers': [described('layer.v1.tar+gzip', packed)],
    }).encode()
    names = {'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.rsplit(':', 1)[1]}
    platform = {'architecture': architecture, 'os': 'linux'}
    index = json.dumps({
        'schemaVersion': 2,
        'manifests': [described('manifest.v1+json', manifest, annotations=names, platform=platform)],
    }).encode()

    def add(archive, path, data):
        info = tarfile.TarInfo(path)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))

    with tarfile.open(out + '.part', 'w') as archive:
        add(archive, 'oci-layout', b'{"imageLayoutVersion":"1.0.0"}')
        add(archive, 'index.json', index)
        for data in (config, manifest, packed):
            add(archive, 'blobs/sha256/' + digest(data)[len('sha256:'):], data)
    os.rename(out + '.part', out)


if __name__ == '__main__':
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
