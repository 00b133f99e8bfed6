// Five projects by path: unit specs beside the code; smoke (the first minutes of a user, part of `npm test`);
// e2e (the long runs); compat (unmodified Kafka clients); k8s (a real cluster, by way of `npm run test:k8s`).
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^#([\\w-]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
      },
    ],
  },
};

export default {
  maxWorkers: '100%',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      rootDir: '.',
      testMatch: ['<rootDir>/{apps,libs,tools}/**/*.spec.ts', '<rootDir>/test/{conformance,simulation,k8s}/**/*.spec.ts'],
    },
    { ...shared, displayName: 'smoke', rootDir: '.', testMatch: ['<rootDir>/test/smoke/**/*.e2e-spec.ts'] },
    { ...shared, displayName: 'compat', rootDir: '.', testMatch: ['<rootDir>/test/compat/**/*.e2e-spec.ts'] },
    { ...shared, displayName: 'e2e', rootDir: '.', testMatch: ['<rootDir>/test/e2e/**/*.e2e-spec.ts'] },
    { ...shared, displayName: 'k8s', rootDir: '.', testMatch: ['<rootDir>/test/k8s/**/*.k8s-spec.ts'] },
  ],
};
